// SPDX-License-Identifier: MPL-2.0

package families

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A relay is a store of the family that says what it holds as all do, and brings some of it
// to nobody: of what others wrote, the roster, say, or the boxes, or what one of them
// appended. What it wrote itself it brings. It is told everything.
type relay struct {
	name string
	own  [32]byte // its key as an author

	mu       sync.Mutex // guards what follows
	kinds    map[identity.LogKind]bool
	authors  map[[32]byte]bool // whose data it keeps back; empty is of all, if data is in kinds
	withheld int               // messages so far
}

// draw has the relay keep back something else from now on.
func (r *relay) draw(rng *rand.Rand, authors [][32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds, r.authors = map[identity.LogKind]bool{}, map[[32]byte]bool{}
	for _, k := range []identity.LogKind{identity.KindData, identity.KindRoster, identity.KindBoxes} {
		r.kinds[k] = rng.IntN(2) == 0
	}
	if rng.IntN(2) == 0 {
		r.authors[authors[rng.IntN(len(authors))]] = true
	}
}

// relents has the relay keep nothing back any more.
func (r *relay) relents() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds = nil
}

// withholds reports whether the relay keeps a message back.
func (r *relay) withholds(body []byte) bool {
	m, err := messages.Decode(bytes.Clone(body))
	e, is := m.(*messages.Events)
	if err != nil || !is || e.Author == r.own {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keeps := r.kinds[e.Kind] && (e.Kind != identity.KindData || len(r.authors) == 0 || r.authors[e.Author])
	if keeps {
		r.withheld++
	}
	return keeps
}

// count returns how many messages it kept back.
func (r *relay) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.withheld
}

// authorOf is the key that a person's log is signed by.
func authorOf(p *person) [32]byte { return digest.Hash(p.topic.Log().Author()) }

// A relayed connection is one of a relay, at the end that dialed: what goes out there, or
// what comes in, passes the relay.
type relayed struct {
	transport.Conn
	relay *relay
	out   bool // this end is the relay's
	once  sync.Once
}

// OpenStream opens a stream. The first one carries the messages.
func (c *relayed) OpenStream(ctx context.Context) (transport.Stream, error) {
	s, err := c.Conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	c.once.Do(func() { s = &sieve{Stream: s, relay: c.relay, out: c.out} })
	return s, nil
}

// A sieve is a stream of messages of which a relay keeps some.
type sieve struct {
	transport.Stream
	relay *relay
	out   bool
	part  []byte // of a message that is not whole yet
	ready []byte // to be read
	buf   [4096]byte
}

// pass returns what of the messages that b makes whole goes on.
func (s *sieve) pass(b []byte) (on []byte) {
	s.part = append(s.part, b...)
	for len(s.part) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(s.part))
		if len(s.part) < n {
			break
		}
		if !s.relay.withholds(s.part[4:n]) {
			on = append(on, s.part[:n]...)
		}
		s.part = s.part[n:]
	}
	return on
}

// Write sends what the relay lets through.
func (s *sieve) Write(b []byte) (int, error) {
	if !s.out {
		return s.Stream.Write(b)
	}
	if on := s.pass(b); len(on) > 0 {
		if _, err := s.Stream.Write(on); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// Read returns what the relay lets through.
func (s *sieve) Read(b []byte) (int, error) {
	if s.out {
		return s.Stream.Read(b)
	}
	for len(s.ready) == 0 {
		n, err := s.Stream.Read(s.buf[:])
		s.ready = s.pass(s.buf[:n])
		if err != nil && len(s.ready) == 0 {
			return 0, err
		}
	}
	n := copy(b, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}
