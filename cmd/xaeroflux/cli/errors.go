// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/actors"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitDamage  = 3
	exitInUse   = 4
	exitOwnLog  = 5
)

// exitCodes says what each exit code means, and of which kinds of errors it is the
// code; all others have that of a failure.
var exitCodes = []struct {
	code  int
	means string
	kinds []nodeapi.Kind
}{
	{exitOK, "done", nil},
	{exitFailure, "failed, or could not look", nil},
	{exitUsage, "wrong usage", []nodeapi.Kind{nodeapi.Usage}},
	{exitDamage, "the store is damaged, or a proof does not verify", []nodeapi.Kind{nodeapi.Proof, nodeapi.Corrupt, nodeapi.BadBackup}},
	{exitInUse, "the store is in use", []nodeapi.Kind{nodeapi.InUse}},
	{exitOwnLog, "a log is forked, or the store is an older copy of itself", []nodeapi.Kind{nodeapi.Frozen, nodeapi.Stale}},
}

// exitText lists the exit codes for people.
func exitText() string {
	var all []string
	for _, c := range exitCodes {
		all = append(all, fmt.Sprintf("%d %s", c.code, c.means))
	}
	return strings.Join(all, "; ")
}

// errInterrupted is the end of a command by a signal.
var errInterrupted = errors.New("interrupted")

func usage(format string, args ...any) error {
	return &nodeapi.Error{Kind: nodeapi.Usage, Text: fmt.Sprintf(format, args...)}
}

func kinded(k nodeapi.Kind, format string, args ...any) error {
	return &nodeapi.Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// troubles says of what kind is what the machine refuses at the moment. It counts
// before all else: a full disk is the cause if the store became read-only, and what
// could not be read is not damaged.
var troubles = map[durable.Trouble]nodeapi.Kind{
	durable.Exhausted: nodeapi.Exhausted, durable.Full: nodeapi.NoSpace, durable.Denied: nodeapi.Denied, durable.Failing: nodeapi.Failing,
}

// kinds says of what kind an error is that another package returned. The first
// that fits counts.
var kinds = []struct {
	kind    nodeapi.Kind
	targets []error
}{
	{nodeapi.Quota, []error{xaeroflux.ErrQuota}},
	{nodeapi.InUse, []error{xaeroflux.ErrInUse}},
	{nodeapi.NoStore, []error{xaeroflux.ErrNoStore}},
	{nodeapi.Exists, []error{xaeroflux.ErrExists}},
	{nodeapi.Usage, []error{xaeroflux.ErrInvite, identity.ErrAddress, identity.ErrPeerID, xaeroflux.ErrOptions, xaeroflux.ErrTooMany, proof.ErrKey, xaeroflux.ErrBackupTarget}},
	{nodeapi.Format, []error{xaeroflux.ErrFormat, identity.ErrSeedVersion}},
	{nodeapi.Corrupt, []error{identity.ErrSeedFile}},
	{nodeapi.BadBackup, []error{xaeroflux.ErrBackupDamaged, xaeroflux.ErrBackupManifest}},
	{nodeapi.NoStore, []error{xaeroflux.ErrNoBackup, xaeroflux.ErrIsBackup}},
	{nodeapi.Proof, []error{proof.ErrFile, proof.ErrProof, proof.ErrHead, proof.ErrSignature, proof.ErrFork, proof.ErrForkFile, proof.ErrWitnesses, event.ErrLeaf}},
	{nodeapi.Unknown, []error{xaeroflux.ErrUnknownLog, xaeroflux.ErrUnknownTopic}},
	{nodeapi.NotHeld, []error{xaeroflux.ErrNotHeld}}, // an ErrRange too
	{nodeapi.Range, []error{xaeroflux.ErrRange}},
	{nodeapi.TooLarge, []error{xaeroflux.ErrTooLarge}},
	{nodeapi.Frozen, []error{xaeroflux.ErrFrozen}},
	{nodeapi.Stale, []error{xaeroflux.ErrStale}},
	{nodeapi.ReadOnly, []error{xaeroflux.ErrReadOnly}},
	{nodeapi.Closed, []error{xaeroflux.ErrClosed}},
	{nodeapi.Network, []error{
		transport.ErrWrongPeer, transport.ErrRefused, transport.ErrUnreachable, transport.ErrLost, transport.ErrClosed,
		actors.ErrBusy, actors.ErrLeftAlone, xaeroflux.ErrNoPeer, context.DeadlineExceeded,
	}},
}

// kindOf reads an error.
func kindOf(err error) nodeapi.Kind {
	var known *nodeapi.Error
	if errors.As(err, &known) {
		return known.Kind
	}
	if k, ok := troubles[durable.TroubleOf(err)]; ok && !errors.Is(err, durable.ErrOpenedReadOnly) {
		return k
	}
	if xaeroflux.IsCorrupt(err) {
		return nodeapi.Corrupt
	}
	for _, k := range kinds {
		for _, target := range k.targets {
			if errors.Is(err, target) {
				return k.kind
			}
		}
	}
	if errors.As(err, new(*fs.PathError)) {
		return nodeapi.Failure // its error number has the methods of a net.Error
	}
	var peer *actors.PeerError
	var network net.Error
	var op *net.OpError
	if errors.As(err, &peer) || errors.As(err, &op) || errors.As(err, &network) {
		return nodeapi.Network
	}
	return nodeapi.Failure
}

func exitCode(k nodeapi.Kind) int {
	for _, c := range exitCodes {
		if slices.Contains(c.kinds, k) {
			return c.code
		}
	}
	return exitFailure
}

// fail tells what went wrong and what to try next, and returns the exit code.
func (a *app) fail(cmd *cobra.Command, err error) int {
	if errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	k := kindOf(err)
	a.say("xaeroflux: %s", strings.TrimSpace(err.Error()))
	if next := a.next(cmd, k, err); next != "" {
		a.say("  try: %s", next)
	}
	return exitCode(k)
}

// next is the next thing to try.
func (a *app) next(cmd *cobra.Command, k nodeapi.Kind, err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	var refused *xaeroflux.RefusedError
	switch {
	case errors.As(err, new(*xaeroflux.TornCopyError)):
		return fmt.Sprintf("xaeroflux backup DIR in the store that this is a copy of, which may be running; then xaeroflux restore DIR. "+
			"If it was moved and no other is left: xaeroflux check --dir %s", quoted(a.dir))
	case errors.As(err, &refused) && refused.ByHand() != "":
		return refused.ByHand()
	case errors.Is(err, xaeroflux.ErrIsBackup):
		return fmt.Sprintf("xaeroflux restore %s DIR, which makes a store of it in another directory", quoted(a.dir))
	case errors.Is(err, xaeroflux.ErrNoBackup):
		return "xaeroflux backup DIR, which makes one of the store in --dir"
	}
	var mode *identity.SeedModeError
	if errors.As(err, &mode) {
		return fmt.Sprintf("chmod 600 %s", quoted(mode.Path))
	}
	switch k {
	case nodeapi.BadBackup:
		return "remove the files that are named, then xaeroflux backup to the same directory, which writes them again; or use another backup"
	case nodeapi.Usage:
		return fmt.Sprintf("%s --help", cmd.CommandPath())
	case nodeapi.Proof:
		return "get proof, key and payload again from who sent them, and trust none of this until they verify"
	case nodeapi.Corrupt:
		return fmt.Sprintf("xaeroflux check --dir %s, which says what is damaged; then xaeroflux repair", quoted(a.dir))
	case nodeapi.InUse:
		return a.nextInUse(cmd)
	case nodeapi.NoStore:
		return fmt.Sprintf("xaeroflux init --dir %s, or name the directory of a store with --dir or XAEROFLUX_DIR", quoted(a.dir))
	case nodeapi.Exists:
		return fmt.Sprintf("xaeroflux head --dir %s, which shows what is in it, or another --dir", quoted(a.dir))
	case nodeapi.Format:
		return fmt.Sprintf("for a damaged FORMAT: xaeroflux repair --dir %s, which writes it again; for another version: the xaeroflux that made this store, or a newer one", quoted(a.dir))
	case nodeapi.Unknown:
		return fmt.Sprintf("xaeroflux head --dir %s, which lists the logs of the first topic, or of --topic; xaeroflux join adds a topic", quoted(a.dir))
	case nodeapi.NotHeld:
		return "xaeroflux fetch LOG --peer ADDRESS, which brings it; xaeroflux gaps shows what else is missing"
	case nodeapi.Range:
		return fmt.Sprintf("xaeroflux head --dir %s, which shows how many events there are", quoted(a.dir))
	}
	return a.nextOutside(k)
}

// nextInUse is next for a store that another process has open. What needs the
// store closed cannot work through a node.
func (a *app) nextInUse(cmd *cobra.Command) string {
	switch cmd.Name() {
	case "repair", "adopt":
		return fmt.Sprintf("stop that process (a node ends with ctrl-C), then repeat: %s needs the store closed", cmd.Name())
	}
	return "wait until that process has ended, or stop it; commands share a store only with `xaeroflux run`"
}

// nextOutside is next for what lies outside of the store.
func (a *app) nextOutside(k nodeapi.Kind) string {
	switch k {
	case nodeapi.ReadOnly:
		if a.readOnly {
			return "the same without --read-only"
		}
		return "free the disk of what made the write fail, then start again; what was acknowledged is safe"
	case nodeapi.Frozen:
		return "xaeroflux forks, which shows the proof; for the own log: a new store in another directory with `xaeroflux join --dir NEW INVITE`"
	case nodeapi.Stale:
		return "xaeroflux sync with the peer that holds the later events, which brings them back; then again"
	case nodeapi.NoSpace:
		return "make room on the disk; what was acknowledged is safe, and append --resume adds what is not"
	case nodeapi.Quota:
		return "a larger --quota, or make room; of a running node: start it again with one"
	case nodeapi.Denied:
		return "as the user who owns the store, on a disk that may be written; or, only to read, with --read-only"
	case nodeapi.Exhausted:
		return "end other programs, or raise the limits of this one (ulimit -n, ulimit -v), then repeat the command; the store is as it was"
	case nodeapi.Failing:
		return "look at the disk (dmesg, smartctl) and copy the store to another one; what cannot be read there, xaeroflux repair --from ADDRESS fetches"
	case nodeapi.TooLarge:
		return "split it into smaller events: a payload holds 16 MiB, a key 1023 bytes, a type 63"
	case nodeapi.Network:
		return "look whether the peer is running and its address is the one it printed; then again"
	case nodeapi.Alone:
		return fmt.Sprintf("xaeroflux status --dir %s, which shows who is connected; xaeroflux run --peer ADDRESS connects", quoted(a.dir))
	case nodeapi.Closed:
		return "the same command again, append with --resume; what was acknowledged is safe"
	}
	return fmt.Sprintf("xaeroflux check --dir %s if it happens again", quoted(a.dir))
}

// hinted is an error that knows better what to try next.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// hint adds to err what to try next.
func hint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// quoted quotes a path for a shell where it needs it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&();<>|*?[]#~`\\") || path == "" {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
