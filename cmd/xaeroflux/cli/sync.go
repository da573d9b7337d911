// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/syncer"
)

func (a *app) syncCmd() *cobra.Command {
	var via string
	cmd := &cobra.Command{
		Use:   "sync ADDRESS | sync --via COMMAND [DIR]",
		Short: "Connect to a peer, sync what either holds, print what moved",
		Long: `Connects to a peer and returns when both sides hold what either held of every
topic they share when it began, each event verified. ADDRESS is what "xaeroflux run" printed at the
peer, or an invite made while it was running, or - for a line of standard input. One that begins with tcp:// or
quic:// after the @ is reached that way only; unix:///path is a socket that
"xaeroflux run --listen unix:///path" made here.

With --via, COMMAND is run by the shell and talks to the peer through its
standard input and output, as in

  xaeroflux sync --via "ssh host xaeroflux serve --stdio --dir notes"

The peer is not named there: it has to prove that it knows a topic of this store
before any event goes either way.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if via != "" {
				a.dirFrom(args)
				return a.with(cmd.Context(), func(b backend) error { return a.syncVia(cmd.Context(), b, via) })
			}
			if len(args) == 0 {
				return hint(usage("no peer is named"), "xaeroflux sync ADDRESS, or xaeroflux sync --via COMMAND")
			}
			if err := a.checkPeers(args); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error { return a.sync(cmd.Context(), b, args[0]) })
		},
	}
	a.quotaFlag(cmd)
	cmd.Flags().StringVar(&via, "via", "", "command whose input and output lead to the peer")
	return cmd
}

// dirFrom takes the directory that a command was given beside --dir.
func (a *app) dirFrom(args []string) {
	if len(args) > 0 {
		a.dir = args[0]
	}
}

func (a *app) sync(ctx context.Context, b backend, peer string) error {
	return a.synced(ctx, b, func() (xaeroflux.SyncReport, error) { return b.Sync(ctx, peer) })
}

// syncVia syncs over what a command reads and prints.
func (a *app) syncVia(ctx context.Context, b backend, line string) error {
	return a.over(line, func(rw io.ReadWriteCloser) error {
		return a.synced(ctx, b, func() (xaeroflux.SyncReport, error) { return b.SyncOver(ctx, rw, line) })
	})
}

// over starts a command and hands on its input and output.
func (a *app) over(line string, call func(io.ReadWriteCloser) error) error {
	cmd, err := pipenet.Start(line, a.err)
	if err != nil {
		return err
	}
	heard := &hearing{Command: cmd}
	silent := time.AfterFunc(silentFor, func() {
		if !heard.yet.Load() {
			a.say("nothing came from %q yet: it may ask for a password, or serve no store; ctrl-C ends this, and it ends by itself after two minutes", line)
		}
	})
	err = call(heard)
	silent.Stop()
	cmd.Close()
	if end := cmd.Wait(); err != nil && end != nil {
		err = fmt.Errorf("%w; %w", err, end)
	}
	if kindOf(err) == nodeapi.Network && !errors.As(err, new(*syncer.PeerError)) {
		err = hint(err, "the command by hand, to see what it prints: at its other end is to be `xaeroflux serve --stdio`")
	}
	return err
}

// silentFor is how long a command may print nothing before we say so.
const silentFor = 10 * time.Second

// hearing is a command, with all that it is as a connection, and notes whether
// something was read.
type hearing struct {
	*pipenet.Command
	yet atomic.Bool
}

// Read implements io.Reader.
func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Command.Read(p)
	if n > 0 {
		h.yet.Store(true)
	}
	return n, err
}

// synced runs a sync and prints what it moved.
func (a *app) synced(ctx context.Context, b backend, sync func() (xaeroflux.SyncReport, error)) error {
	before, err := b.Status(ctx)
	if err != nil {
		return err
	}
	stop := a.watchEvents(ctx, b)
	r, err := sync()
	stop()
	status, told := b.Status(ctx)
	a.tellCopies(status.Copies, before.Copies)
	if errors.Is(err, session.ErrPeerFull) {
		err = hint(err, "at the peer: a larger --quota, or room on the disk")
	}
	if err = errors.Join(err, told); err != nil {
		return err
	}
	v := syncLine{r, status.Own}
	err = a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "in      %d events, %d pages, %s\n", r.EventsIn, r.PagesIn, bytesText(r.BytesIn))
		fmt.Fprintf(w, "out     %d events, %d pages, %s\n", r.EventsOut, r.PagesOut, bytesText(r.BytesOut))
		fmt.Fprintf(w, "took    %.3f s, %d round trips\n", r.Took.Seconds(), r.RoundTrips)
	})
	return errors.Join(err, ownError(status.Own))
}

// ownError is an error if a log of the store itself is forked or behind, so that
// what is appended to it reaches nobody.
func ownError(own []xaeroflux.OwnLog) error {
	if len(own) == 0 {
		return nil
	}
	if own[0].State == xaeroflux.OwnForked {
		return kinded(nodeapi.Frozen, "%s", ownText(own[0]))
	}
	if own[0].State == xaeroflux.OwnUnmet {
		return hint(kinded(nodeapi.Stale, "%s", ownText(own[0])), "%s", nextUnmet)
	}
	return kinded(nodeapi.Stale, "%s", ownText(own[0]))
}

// ownText says what is wrong with a log of the store itself.
func ownText(o xaeroflux.OwnLog) string {
	switch o.State {
	case xaeroflux.OwnForked:
		return fmt.Sprintf("log %.8s of this store is forked: two copies of it were in use, and nothing more of it is synced", o.Log)
	case xaeroflux.OwnUnmet:
		return fmt.Sprintf("log %.8s of this store has met no peer of its topic since the backup of %s that it was restored from, and takes no appends until then",
			o.Log, o.Backup.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("log %.8s of this store has %d events here and %d at a peer: the store is an older copy of itself, and appends nothing until they are back", o.Log, o.Held, o.Known)
}

// tellCopies says which copies of the store were not known before.
func (a *app) tellCopies(all, before []xaeroflux.Copy) {
	known := map[xaeroflux.LogID]bool{}
	for _, c := range before {
		known[c.Log] = true
	}
	for _, c := range all {
		if !known[c.Log] {
			a.say("%s", copyText(c))
		}
	}
}

// watchEvents shows on a terminal how many events are here, and of how many, while a
// sync goes on; the function it returns ends that.
func (a *app) watchEvents(ctx context.Context, b backend) func() {
	if !terminal(a.err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	m := a.meter("events here", -1, false)
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(250 * time.Millisecond):
			}
			heads, err := b.Heads(ctx, a.topic)
			if err != nil {
				continue
			}
			here := int64(sizes(heads))
			m.set(here, expected(ctx, b, here))
		}
	}()
	return func() {
		cancel()
		<-ended
		m.end()
	}
}

// expected is how many events there will be when all that peers hold is here,
// or -1 if that is not known.
func expected(ctx context.Context, b backend, here int64) int64 {
	s, err := b.Status(ctx)
	if err != nil || len(s.Missing) == 0 {
		return -1
	}
	var missing uint64
	for _, p := range s.Peers {
		missing = max(missing, p.EventsMissing)
	}
	return here + int64(missing)
}

func sizes(heads []nodeapi.Head) (n uint64) {
	for _, h := range heads {
		n += h.Size
	}
	return n
}

// bytesText writes a number of bytes for people.
func bytesText(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// A syncLine is what a sync moved, and what is wrong with logs of the store itself.
type syncLine struct {
	xaeroflux.SyncReport
	Own []xaeroflux.OwnLog `json:"own,omitempty"` // logs of this store that are forked, behind, or wait for a peer
}
