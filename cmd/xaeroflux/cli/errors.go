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
	"syscall"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/actors/mesh"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/backup"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
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
	exitSignal  = 130
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
	{exitDamage, "the store or a backup is damaged, or a proof does not verify", []nodeapi.Kind{nodeapi.Proof, nodeapi.Corrupt, nodeapi.BadBackup}},
	{exitInUse, "the store is in use", []nodeapi.Kind{nodeapi.InUse}},
	{exitOwnLog, "a log is forked, or the store is an older copy of itself", []nodeapi.Kind{nodeapi.Frozen, nodeapi.Stale}},
	{exitSignal, "ended by a signal; a node that runs or follows ends with 0", []nodeapi.Kind{nodeapi.Interrupt}},
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
	{nodeapi.Interrupt, []error{errInterrupted, context.Canceled}},
	{nodeapi.Silent, []error{nodeapi.ErrSilent}},
	{nodeapi.Usage, []error{backup.ErrNameless}}, // an ErrPassphrase too
	{nodeapi.Locked, []error{xaeroflux.ErrPassphrase}},
	{nodeapi.Asked, []error{xaeroflux.ErrAsked}},
	{nodeapi.Forbidden, []error{xaeroflux.ErrRole}},
	{nodeapi.Unmet, []error{xaeroflux.ErrUnmet}},
	{nodeapi.Sealed, []error{xaeroflux.ErrSealed}},
	{nodeapi.Removed, []error{xaeroflux.ErrRemoved}},
	{nodeapi.NotOwner, []error{xaeroflux.ErrNotOwner}},
	{nodeapi.NotAsked, []error{xaeroflux.ErrNotAsked}},
	{nodeapi.NoRoster, []error{xaeroflux.ErrNoRoster}},
	{nodeapi.NotShared, []error{xaeroflux.ErrNotShared}},
	{nodeapi.Unsettled, []error{xaeroflux.ErrUnsettled}},
	{nodeapi.NoKeys, []error{xaeroflux.ErrNoKeys}},
	{nodeapi.NotTaken, []error{xaeroflux.ErrNotTaken}},
	{nodeapi.ByWords, []error{xaeroflux.ErrByWords}},
	{nodeapi.NotRecovered, []error{xaeroflux.ErrNotRecovered}},
	{nodeapi.NoWords, []error{xaeroflux.ErrNoWords}},
	{nodeapi.WordsKept, []error{xaeroflux.ErrWordsKept}},
	{nodeapi.Steward, []error{xaeroflux.ErrSteward}},
	{nodeapi.OwnerKey, []error{xaeroflux.ErrOwnerKey}},
	{nodeapi.InviteUsed, []error{xaeroflux.ErrInviteUsed}},
	{nodeapi.InviteExpired, []error{xaeroflux.ErrInviteExpired}},
	{nodeapi.InviteClosed, []error{xaeroflux.ErrInviteClosed}},
	{nodeapi.InviteVoid, []error{xaeroflux.ErrInviteVoid}},
	{nodeapi.Quota, []error{xaeroflux.ErrQuota}},
	{nodeapi.InUse, []error{xaeroflux.ErrInUse}},
	{nodeapi.NoStore, []error{xaeroflux.ErrNoStore}},
	{nodeapi.Exists, []error{xaeroflux.ErrExists}},
	{nodeapi.Usage, []error{xaeroflux.ErrInvite, xaeroflux.ErrWords, xaeroflux.ErrOtherWords, xaeroflux.ErrName, identity.ErrAddress, identity.ErrPeerID, xaeroflux.ErrOptions, xaeroflux.ErrTooMany, proof.ErrKey, xaeroflux.ErrBackupTarget}},
	{nodeapi.Format, []error{xaeroflux.ErrFormat, identity.ErrSeedVersion}},
	{nodeapi.Corrupt, []error{identity.ErrSeedFile}},
	{nodeapi.NoStore, []error{xaeroflux.ErrNoBackup, xaeroflux.ErrIsBackup, xaeroflux.ErrIsArchive}},
	{nodeapi.Proof, []error{proof.ErrFile, proof.ErrProof, proof.ErrHead, proof.ErrSignature, proof.ErrFork, proof.ErrForkFile, proof.ErrWitnesses, event.ErrLeaf}},
	{nodeapi.Unknown, []error{xaeroflux.ErrUnknownLog, xaeroflux.ErrUnknownTopic}},
	{nodeapi.NotHeld, []error{xaeroflux.ErrNotHeld}}, // an ErrRange too
	{nodeapi.Range, []error{xaeroflux.ErrRange}},
	{nodeapi.TooLarge, []error{xaeroflux.ErrTooLarge}},
	{nodeapi.Frozen, []error{xaeroflux.ErrFrozen}},
	{nodeapi.Stale, []error{xaeroflux.ErrStale, xaeroflux.ErrRestored}},
	{nodeapi.ReadOnly, []error{xaeroflux.ErrReadOnly}},
	{nodeapi.Closed, []error{xaeroflux.ErrClosed}},
	{nodeapi.Network, []error{
		transport.ErrWrongPeer, transport.ErrRefused, transport.ErrUnreachable, transport.ErrLost, transport.ErrClosed,
		mesh.ErrBusy, session.ErrPeerFull, xaeroflux.ErrNoPeer, xaeroflux.ErrNotFound, context.DeadlineExceeded,
	}},
}

// kindOf reads an error.
func kindOf(err error) nodeapi.Kind {
	var known *nodeapi.Error
	if errors.As(err, &known) {
		return known.Kind
	}
	if errors.Is(err, xaeroflux.ErrChanged) { // no trouble of the disk
		return nodeapi.Changed
	}
	if k, ok := troubles[durable.TroubleOf(err)]; ok && !errors.Is(err, durable.ErrOpenedReadOnly) {
		return k
	}
	switch {
	case errors.Is(err, xaeroflux.ErrBackupDamaged), errors.Is(err, xaeroflux.ErrBackupManifest): // ErrCorrupt too
		return nodeapi.BadBackup
	case errors.Is(err, xaeroflux.ErrCorrupt):
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
	var peer *syncer.PeerError
	var network net.Error
	var op *net.OpError
	if errors.As(err, &peer) || errors.As(err, &op) {
		return nodeapi.Network
	}
	if errors.As(err, &network) && !errors.As(network, new(syscall.Errno)) { // which has its methods, and is of a file
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
	if errors.Is(err, context.Canceled) && !errors.Is(err, errInterrupted) && !errors.Is(err, xaeroflux.ErrAsked) {
		err = errInterrupted
	}
	k := kindOf(err)
	a.say("xaeroflux: %s", said(err))
	a.say("  try: %s", a.typed(a.next(cmd, k, err)))
	return exitCode(k)
}

// said is what an error says to a person: that a wait ended, and not by what means.
func said(err error) string {
	text := strings.TrimSpace(err.Error())
	if errors.Is(err, xaeroflux.ErrAsked) {
		for _, end := range []error{context.DeadlineExceeded, context.Canceled} {
			text = strings.TrimSuffix(text, ": "+end.Error())
		}
	}
	return text
}
