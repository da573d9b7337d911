// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A hint names commands. One that is to be typed as it is stands bare, and gets
// the store's directory from typed; one that is only spoken of, or is to be typed
// elsewhere, stands in backticks.
var bareCommand = regexp.MustCompile(`(^|[^` + "`" + `\w/])xaeroflux ([a-z]+)`)

// storeless are the commands that work without a store.
var storeless = []string{"completion", "demo", "help", "restore", "verify"}

// ofStores are the commands that are about a store that is there, or was.
var ofStores = []string{"adopt", "backup", "check", "passwd", "repair"}

// typed adds --dir to each command in a hint, so that it works as it is printed.
func (a *app) typed(text string) string {
	var out strings.Builder
	from := 0
	for _, at := range bareCommand.FindAllStringSubmatchIndex(text, -1) {
		name, rest := text[at[4]:at[5]], text[at[1]:]
		out.WriteString(text[from:at[1]])
		from = at[1]
		if isCommand(name) && !slices.Contains(storeless, name) && !strings.HasPrefix(rest, " --dir ") && rest != " --help" {
			out.WriteString(" --dir " + quoted(a.dir))
		}
	}
	return out.String() + text[from:]
}

// isCommand reports whether there is a command of that name.
func isCommand(name string) bool {
	root := (&app{}).root()
	return slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
}

// next is the next thing to try.
func (a *app) next(cmd *cobra.Command, k nodeapi.Kind, err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	if errors.Is(err, xaeroflux.ErrAsked) {
		return nextAsked(cmd)
	}
	if text := nextOf(err); text != "" {
		return text
	}
	if told := (*nodeapi.Error)(nil); errors.As(err, &told) && told.Restart {
		return nextRestart(k, durable.Holder(a.dir))
	}
	if errors.Is(err, xaeroflux.ErrIsBackup) {
		return fmt.Sprintf("xaeroflux restore %s DIR, which makes a store of it in another directory", quoted(a.dir))
	}
	switch k {
	case nodeapi.BadBackup:
		return "remove the damaged files that are named, then `xaeroflux backup` to the same directory, which writes again what is not there; or use another backup"
	case nodeapi.Usage:
		return fmt.Sprintf("%s --help", cmd.CommandPath())
	case nodeapi.Proof:
		return "get proof, key and payload again from who sent them, and trust none of this until they verify"
	case nodeapi.Corrupt:
		return "xaeroflux check, which says what is damaged; then xaeroflux repair"
	case nodeapi.InUse:
		return nextInUse(cmd, err)
	case nodeapi.Silent:
		return nextSilent(err)
	case nodeapi.Busy:
		return "end some of the commands that work through the node, such as `xaeroflux cat --follow`, or start it with more descriptors (ulimit -n)"
	case nodeapi.NoStore:
		if slices.Contains(ofStores, cmd.Name()) {
			return "the directory of the store, with --dir or XAEROFLUX_DIR; for one that was lost, `xaeroflux restore BACKUP DIR`"
		}
		return "xaeroflux init, or name the directory of a store with --dir or XAEROFLUX_DIR; for one that was lost, `xaeroflux restore BACKUP DIR`"
	case nodeapi.Exists:
		return "xaeroflux head, which shows what is in it, or another --dir"
	case nodeapi.Format:
		return "for a damaged FORMAT: xaeroflux repair, which writes it again; for another version: the xaeroflux that made this store, or a newer one"
	case nodeapi.Unknown:
		if cmd.Name() == "handover" {
			return "xaeroflux devices, which lists the devices of the first topic's members, or of --topic; xaeroflux topic list shows which there are"
		}
		if ofDevices(cmd) {
			return "xaeroflux devices, which lists the devices of the first topic's members, or of --topic, and with --mine your own"
		}
		if ofInvites(cmd) {
			return "xaeroflux invites, which lists the open invites of the first topic, or of --topic"
		}
		if ofMembers(cmd) {
			return "xaeroflux members, which lists the members of the first topic, or of --topic; xaeroflux topic list shows which there are"
		}
		return "xaeroflux topic list, which says which topics there are, and xaeroflux head, which lists the logs of one; xaeroflux join INVITE adds a topic"
	case nodeapi.NotHeld:
		return "xaeroflux fetch LOG --peer ADDRESS, which brings it; xaeroflux gaps shows what else is missing"
	case nodeapi.Range:
		return "xaeroflux head, which shows how many events there are"
	}
	return a.nextOutside(cmd, k, err)
}

// nextOf is next for errors that name it themselves, or that only one thing helps.
func nextOf(err error) string {
	var refused *xaeroflux.RefusedError
	var mode *identity.SeedModeError
	var tmp *xaeroflux.TempError
	var unfinished *xaeroflux.UnfinishedError
	switch {
	case errors.As(err, &unfinished):
		return nextUnfinished(unfinished)
	case errors.As(err, new(*xaeroflux.TornCopyError)):
		return anotherCopy + ". If it was moved and no other is left: xaeroflux check"
	case errors.As(err, &refused) && refused.ByHand() != nil:
		d := refused.ByHand()
		return toDo(xaeroflux.Flaw(d.Kind), d.Do)
	case errors.Is(err, xaeroflux.ErrRemains):
		return "xaeroflux repair, which writes FORMAT again if identity.key and aof are here; else put back what is missing, or name another directory"
	case errors.Is(err, xaeroflux.ErrIsArchive):
		return "mkdir DIR; tar -xf ARCHIVE -C DIR; then the same command with DIR"
	case errors.Is(err, xaeroflux.ErrNoBackup):
		return "another directory, or `xaeroflux backup DIR`, which makes one of the store in --dir"
	case errors.As(err, &tmp):
		return "TMPDIR=DIR before the command, with a directory that may be written and has room"
	case errors.Is(err, xaeroflux.ErrPassphrase):
		return nextPassphrase
	case errors.As(err, &mode):
		return "chmod 600 " + quoted(mode.Path)
	case errors.Is(err, xaeroflux.ErrSuperseded):
		return "xaeroflux sync ADDRESS, with a member that holds the roster; then xaeroflux successor propose"
	case errors.Is(err, xaeroflux.ErrUnsigned):
		return "`xaeroflux successor sign -` by another successor, with the same text"
	case errors.Is(err, xaeroflux.ErrNotNamed):
		return "the same on the device that is named, or xaeroflux successor propose, which names this one"
	case errors.Is(err, xaeroflux.ErrPairing):
		return nextCode
	case errors.Is(err, xaeroflux.ErrNotFound):
		return "`xaeroflux recover --words - --peer ADDRESS`, with a device of yours or a member of one of your topics that is running; or with --invite"
	case peerSays(err, messages.CodeNoSharedTopic):
		return "`xaeroflux join INVITE` with an invite of the same topic on both sides; then again"
	case peerSays(err, messages.CodeUnknownLog):
		return "a peer that has the log: `xaeroflux head` there lists what it has"
	case errors.Is(err, errInterrupted):
		return "the same command again; what was acknowledged is safe"
	}
	return ""
}

// nextCode is next for a code that is none, or not the one.
const nextCode = "the code that the other device shows now, and the address beside it"

// nextPassphrase is next for a store with a passphrase.
const nextPassphrase = "the same with --passphrase-file FILE, or with XAEROFLUX_PASSPHRASE_FILE, or with --keyring if it is there; on a terminal it is asked for. A running node (`xaeroflux run`) asks once, and then the other commands need none"

// nextAsked is next for what the steward of a topic has not done yet.
func nextAsked(cmd *cobra.Command) string {
	if cmd.Name() == "leave" {
		return "xaeroflux run, and leave the node running until the steward is reachable, then the same again: the ask stands; or with --now, and the members go on to see this store as one of them"
	}
	if cmd.Name() == "invite" {
		return "xaeroflux run, and leave the node running until the steward is reachable; then again: the key of this invite was given to nobody"
	}
	return "xaeroflux run, and leave the node running until the steward is reachable; the ask stands"
}

// says reports whether err is target, or came from a node, which tells it in its words.
func says(err, target error) bool {
	return errors.Is(err, target) || err != nil && strings.Contains(err.Error(), target.Error())
}

// peerSays reports whether a session ended with a code.
func peerSays(err error, code messages.Code) bool {
	var peer *syncer.PeerError
	return errors.As(err, &peer) && peer.Code == code
}

// nextUnfinished repeats what was cut off.
func nextUnfinished(e *xaeroflux.UnfinishedError) string {
	switch {
	case !e.Restore && e.Topic.IsZero():
		return "xaeroflux init, or xaeroflux join INVITE"
	case !e.Restore:
		return "xaeroflux join INVITE, with the invite to that topic; or xaeroflux init for a topic of its own"
	case e.Backup == "":
		return "xaeroflux restore BACKUP DIR, which begins anew in it"
	}
	adopt := ""
	if e.Adopt {
		adopt = "--adopt "
	}
	return fmt.Sprintf("xaeroflux restore %s%s %s, which begins anew; or another directory", adopt, quoted(e.Backup), quoted(e.Dir))
}

// nextOutside is next for what lies outside of the store.
func (a *app) nextOutside(cmd *cobra.Command, k nodeapi.Kind, err error) string {
	switch k {
	case nodeapi.ReadOnly:
		if a.readOnly {
			return "the same without --read-only"
		}
		return "free the disk of what made the write fail, or replace it; then xaeroflux check, and start again; what was acknowledged is safe"
	case nodeapi.Frozen:
		return "xaeroflux forks, which shows the proof; for the own log: a new store in another directory with `xaeroflux join --dir NEW INVITE`"
	case nodeapi.Stale:
		if says(err, xaeroflux.ErrRestored) {
			return nextUnmet
		}
		return "xaeroflux sync ADDRESS, with the peer that holds the later events, which brings them back; then again"
	case nodeapi.NoSpace:
		return nextFull(cmd)
	case nodeapi.Quota:
		return "a larger --quota, or make room; of a running node: start it again with one"
	case nodeapi.Denied:
		return "as the user who owns the files that are named, on a disk that may be written; or, only to read, with --read-only"
	case nodeapi.Exhausted:
		return "end other programs, or raise the limits of this one (ulimit -n, ulimit -v), then repeat the command; the store is as it was"
	case nodeapi.Changed:
		return "read what you need through the program that has the store open, while it lasts (`xaeroflux backup DIR`); then stop it, and put back what was there. " +
			"What stands under these names by now may be another store: do not repair it"
	case nodeapi.Failing:
		return "look at the disk (dmesg, smartctl) and copy the store to another one; what cannot be read there, xaeroflux repair --from ADDRESS fetches"
	case nodeapi.Forbidden:
		if ofRoster(cmd) {
			return "xaeroflux roster, which shows what device writes the roster; xaeroflux members shows who may do what"
		}
		if ofDevices(cmd) && cmd.Flags().Changed("mine") {
			return "xaeroflux devices keep at the device that is to keep the list; or here with --words -, if the one that keeps it is lost or stolen; then the same again"
		}
		if ofDevices(cmd) {
			return "xaeroflux roster, which shows what device writes the roster; xaeroflux members shows who may do what: each removes his own devices, the owner and the admins those of others"
		}
		return "xaeroflux members, which shows who may do what: the owner and the admins invite and remove, and give roles up to their own"
	case nodeapi.Unmet:
		return "xaeroflux run, and the same command again once another member is connected, which xaeroflux status shows; or xaeroflux roster trust while it runs, if no other copy of this store is in use"
	case nodeapi.Removed, nodeapi.NotShared:
		return "xaeroflux members, which shows who belongs to the topic by the roster that is here; to belong again, join by an admin's new invite, from standard input: `xaeroflux join -`"
	case nodeapi.Unsettled:
		return "xaeroflux forks and xaeroflux roster, which show what is forked; a roster comes to one branch by `xaeroflux takeover` of its owner"
	case nodeapi.NoKeys:
		return "xaeroflux roster, which shows what device writes the roster: sync with that one, or with a member that did; then again"
	case nodeapi.NotTaken:
		return "xaeroflux check, here and at the peer; another peer may bring what is missing"
	case nodeapi.InviteUsed, nodeapi.InviteExpired, nodeapi.InviteClosed, nodeapi.InviteVoid:
		return "another invite, from standard input: `xaeroflux join -`; what was appended before stays here, and nobody else counts it"
	case nodeapi.Steward:
		return "`xaeroflux roster ask` at a device that is to write the roster, and `xaeroflux handover DEVICE` here; then the same again"
	case nodeapi.OwnerKey:
		return "the same without --delete"
	case nodeapi.NotOwner:
		return "`xaeroflux takeover` with the store that founded the topic, which xaeroflux members shows as owner; or, if the owner has words, `xaeroflux takeover --words -` in any store of his"
	case nodeapi.ByWords:
		return "`xaeroflux join - --words -`, with a new invite and the words, each a line of standard input"
	case nodeapi.NotRecovered:
		return "`xaeroflux recover --words -` again, with the same words and the address of a member"
	case nodeapi.NoWords:
		return "xaeroflux words, in a terminal, with the first of your devices"
	case nodeapi.WordsKept:
		return "xaeroflux devices --mine, which lists the devices of this store's person"
	case nodeapi.NotAsked:
		return "`xaeroflux roster ask` at the device that is to write the roster, and the same again once its ask is here"
	case nodeapi.NoRoster:
		return "xaeroflux sync ADDRESS, with a member; then the same again"
	case nodeapi.Sealed:
		return "xaeroflux run, and leave the node running until a member that has the key is reachable: it comes once this device is admitted, and never to a replica; xaeroflux members shows who is what"
	case nodeapi.TooLarge:
		return "split it into smaller events: a payload holds 16 MiB, a key 1023 bytes, a type 63"
	case nodeapi.Network:
		return "look whether the peer is running and its address is the one it printed; then again"
	case nodeapi.Alone:
		return "xaeroflux status, which shows who is connected; `xaeroflux run --peer ADDRESS` connects"
	case nodeapi.Closed:
		return "the same command again, append with --resume; what was acknowledged is safe"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return "another path, or mend what is said of this one"
	}
	return "xaeroflux check, if it happens again"
}

const nextUnmet = "xaeroflux sync ADDRESS, which brings back what a peer holds of it; then again. If no peer holds anything of this store: xaeroflux adopt --alone"

// nextFull is next for a disk that is full.
func nextFull(cmd *cobra.Command) string {
	switch cmd.Name() {
	case "backup":
		return "make room where the backup goes, or name another directory, then again; a backup that was there is as it was"
	case "restore":
		return "make room where the store goes, or name another directory, then again; the backup is as it was"
	case "append":
		return "make room on the disk, then again, with --resume if a token was printed; what was acknowledged is safe"
	}
	return "make room on the disk, then again; what was acknowledged is safe"
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

// quoted quotes a path for a shell if it needs it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&();<>|*?[]#~`\\") || path == "" {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
