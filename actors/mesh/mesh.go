// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Bounds of a node's links.
const (
	maxProbing = 8                // places that are looked at, so that others can be told of them
	saveEvery  = 10 * time.Second // that the address book is written after a change
)

// A directory is who the peers are and who is being dialed. Its mutex may be held
// while network.mu is taken, not the other way round.
//
// A node dials once it takes part in the network: it listens, or a person named
// a peer. Whom it dials is the address book's to say.
type directory struct {
	mu      sync.Mutex // guards all below
	book    *peerbook.Book
	active  bool
	dialing map[identity.PeerID]*attempt
	probed  map[identity.PeerID]string               // where they were looked for last since they connected
	failing map[identity.PeerID]bool                 // a failure of them is in the log since they connected
	lacks   map[identity.PeerID][]session.LogMissing // that their last session left
	next    *time.Timer                              // until somebody may be dialed again
	saving  *time.Timer
	telling *time.Timer // of what changed in the book
	told    uint64      // version of the book that was told last
	toldAt  time.Time
}

// load reads what the store remembers of peers.
func (n *Mesh) load() error {
	d := &n.dir
	d.book = peerbook.New(n.Self)
	d.dialing, d.probed = map[identity.PeerID]*attempt{}, map[identity.PeerID]string{}
	return n.Store.Peers(func(p identity.PeerID, row []byte) error {
		if err := d.book.Load(p, row); err != nil { // it costs an address, not the store
			n.Logger.Warn("a remembered peer cannot be read", slog.Any("error", err))
		}
		return nil
	})
}

// join makes the node take part in the network.
func (n *Mesh) join() {
	n.dir.mu.Lock()
	n.dir.active = true
	n.dir.mu.Unlock()
	n.Look()
}

// Look makes the dialer look soon.
func (n *Mesh) Look() { n.Send(DialerName, &replan{}) }

// KeepConnected connects to a peer now and again whenever the connection is lost.
func (n *Mesh) KeepConnected(a identity.Address) error {
	if a.Peer == n.Self {
		return nil // an invite of our own
	}
	n.dir.mu.Lock()
	ok := n.dir.book.Keep(a)
	n.dir.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: more than %d peers to keep; forget some", ErrBusy, peerbook.MaxKept)
	}
	n.join()
	return nil
}

// Forget drops a peer from the address book and ends the session with it. It
// may come back by itself.
func (n *Mesh) Forget(p identity.PeerID) {
	n.dir.mu.Lock()
	n.dir.book.Forget(p)
	n.dir.save(n)
	n.dir.mu.Unlock()
	if s := n.With(p); s != nil {
		s.End(messages.CodeClosing, "forgotten")
	}
}

// again arms a timer that is made when it is first needed.
func again(t **time.Timer, d time.Duration, f func()) {
	if *t == nil {
		*t = time.AfterFunc(d, f)
		return
	}
	(*t).Reset(d)
}

// Shares takes note of topics that a session shares from now on, the first ones or
// more.
func (n *Mesh) Shares(s *session.Session, topics []identity.TopicID, first bool) {
	if first {
		n.promote(s)
	}
	d := &n.dir
	d.mu.Lock()
	d.book.Up(s.Conn().Peer(), topics, time.Now())
	if first {
		n.sayConnected(s)
	}
	d.save(n)
	d.tell(n)
	d.mu.Unlock()
	s.TellPeers()
	if !first {
		return
	}
	n.Notify(notices.Event{Kind: notices.Connected, Peer: s.Conn().Peer(), Address: s.Conn().RemoteAddr()})
}

// Left makes the dialer look: the topic may want another link.
func (n *Mesh) Left(*session.Session, identity.TopicID) { n.Look() }

// Gone takes note of a session that ended.
func (n *Mesh) Gone(s *session.Session) {
	n.forget(s)
	err := s.Err()
	if twin := (*session.TwinError)(nil); errors.As(err, &twin) && twin.Own {
		n.ownTwin(twin, s)
	}
	n.sayEnded(s)
	n.Notify(notices.Event{Kind: notices.Disconnected, Peer: s.Conn().Peer(), Address: s.Conn().RemoteAddr(), Err: err})
	if n.closing.Load() {
		return
	}
	if n.With(s.Conn().Peer()) == nil { // else another one took its place
		d := &n.dir
		d.mu.Lock()
		now := time.Now()
		if errors.As(err, new(*session.LocalError)) {
			d.book.Interrupted(s.Conn().Peer(), err, now)
		} else {
			d.book.Down(s.Conn().Peer(), now.Sub(s.Since()), s.Gave(), err, now, jitter())
		}
		delete(d.probed, s.Conn().Peer())
		if s.Known() {
			d.leftLacking(s.Conn().Peer(), s.Status().Missing)
		}
		d.save(n)
		d.mu.Unlock()
	}
	n.Look()
}

// save writes what changed in the book after a while; mu is held.
func (d *directory) save(n *Mesh) {
	if d.saving == nil {
		d.saving = time.AfterFunc(saveEvery, func() {
			d.mu.Lock()
			d.saving = nil
			d.mu.Unlock()
			n.saveBook()
		})
	}
}

// saveBook writes what changed in the book.
func (n *Mesh) saveBook() {
	n.dir.mu.Lock()
	rows := n.dir.book.Changes()
	n.dir.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	if err := n.Pipeline.Do(context.Background(), store.PeerRows(rows)); err != nil {
		n.Logger.Warn("the address book is not written", slog.Any("error", err))
	}
}

// Close stops the timers and writes the book. Nothing on the network side runs any
// more.
func (n *Mesh) Close() {
	d := &n.dir
	d.mu.Lock()
	for _, t := range []*time.Timer{d.next, d.saving, d.telling} {
		if t != nil {
			t.Stop()
		}
	}
	d.mu.Unlock()
	n.saveBook()
}

func jitter() float64 { return rand.Float64() }
