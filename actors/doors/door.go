// SPDX-License-Identifier: MPL-2.0

package doors

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// maxPeers bounds how many peers' use a door remembers; one that is at rest and
// has all its burst back is forgotten first.
const maxPeers = 1024

// A door is a Door that is open.
type door struct {
	Door
	name  string
	log   *slog.Logger
	words chan Presence

	ctx    context.Context // ends when the door is closed
	cancel context.CancelFunc
	wg     sync.WaitGroup // its calls, and whoever hands out words

	mu     sync.Mutex // guards peers and closed
	peers  map[identity.PeerID]*use
	closed bool
}

// A use is what one peer does at a door.
type use struct {
	calls  int
	tokens float64
	at     time.Time // when tokens was true
}

func newDoor(name string, d Door, log *slog.Logger) *door {
	d.Limits = d.Limits.orDefault()
	one := &door{Door: d, name: name, log: log, words: make(chan Presence, d.Limits.Waiting), peers: map[identity.PeerID]*use{}}
	one.ctx, one.cancel = context.WithCancel(context.Background())
	return one
}

// run hands out words until the door is closed.
func (d *door) run() {
	d.wg.Go(func() {
		for {
			select {
			case p := <-d.words:
				d.guard("a word", func() error { d.Heard(p); return nil })
			case <-d.ctx.Done():
				return
			}
		}
	})
}

func (d *door) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
}

// over returns a channel that is closed once nothing goes on behind a door that is closed.
func (d *door) over() <-chan struct{} {
	over := make(chan struct{})
	go func() {
		d.wg.Wait()
		close(over)
	}()
	return over
}

// wait waits until a door is over. The error is ErrBusy if ctx ends before.
func (d *door) wait(ctx context.Context, over <-chan struct{}) error {
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-over: // long ago, perhaps, while another one was waited for
		return nil
	default:
		return fmt.Errorf("%w: %q", ErrBusy, d.name)
	}
}

// guard runs what the application registered. A panic there is reported, and ends
// that one call.
func (d *door) guard(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("capability %q: %s: panic: %v", d.name, what, r)
			d.log.Error("a handler panicked", slog.String("capability", d.name), slog.Any("panic", r),
				slog.String("stack", string(debug.Stack())))
		}
	}()
	return f()
}

func (d *door) hear(p Presence) {
	d.mu.Lock()
	u := d.spend(p.Peer, time.Now())
	d.mu.Unlock()
	if d.Heard == nil || u == nil {
		return
	}
	select {
	case d.words <- p:
	default: // it is a word among many, and the next one says it better
	}
}

// enter lets a call in, or says why not. A call that is let in leaves by leave.
func (d *door) enter(peer identity.PeerID) messages.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Serve == nil || d.closed {
		return messages.CodeNoCapability
	}
	u := d.spend(peer, time.Now())
	if u == nil || u.calls >= d.Limits.Calls {
		return messages.CodeBusy
	}
	u.calls++
	d.wg.Add(1)
	return messages.CodeOK
}

func (d *door) leave(peer identity.PeerID) {
	d.mu.Lock()
	d.peers[peer].calls--
	d.mu.Unlock()
	d.wg.Done()
}

// spend takes one of the peer's tokens, of which Rate come back each second. It
// returns nil if there is none; mu is held.
func (d *door) spend(peer identity.PeerID, now time.Time) *use {
	u := d.peers[peer]
	if u == nil {
		if len(d.peers) >= maxPeers && !d.forget(now) {
			return nil
		}
		u = &use{tokens: float64(d.Limits.Burst), at: now}
		d.peers[peer] = u
	}
	u.tokens, u.at = d.refilled(u, now), now
	if u.tokens < 1 {
		return nil
	}
	u.tokens--
	return u
}

func (d *door) refilled(u *use, now time.Time) float64 {
	return min(float64(d.Limits.Burst), u.tokens+max(now.Sub(u.at).Seconds(), 0)*d.Limits.Rate)
}

// forget forgets all peers that are as good as new; mu is held.
func (d *door) forget(now time.Time) (room bool) {
	for id, u := range d.peers {
		if u.calls == 0 && d.refilled(u, now) >= float64(d.Limits.Burst) {
			delete(d.peers, id)
			room = true
		}
	}
	return room
}
