// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of links, as package actors and the carriers have them.
const (
	idleTimeout = 30 * time.Second // after which a carrier gives a connection up
	settledFor  = 3 * time.Second  // after which no dial comes in that was under way when a session began
)

// An edge is a way between two peers. On one that is kept, one of them or both keep
// a connection; others are where a peer dials that was told of another.
type edge struct {
	w       *world
	nr      int
	a, b    *peer
	kept    bool // a person told a where b is,
	both    bool // and b where a is
	latency time.Duration
	rate    int // bytes a second
	loss    float64
	blocked map[*peer]time.Duration // until when nothing of the peer gets through
}

// A conn is a connection between the two peers of an edge.
type conn struct {
	edge   *edge
	nr     int
	ends   [2]*end // the first dialed
	broken bool
	dark   bool // an address that it was made with is gone: nothing arrives, and nobody says so
	pipes  []*pipe
}

// keeps reports whether a person told p where the other is.
func (g *edge) keeps(p *peer) bool { return g.kept && (p == g.a || g.both && p == g.b) }

func (g *edge) other(p *peer) *peer {
	if p == g.a {
		return g.b
	}
	return g.a
}

func (g *edge) blockedFrom(p *peer) bool { return g.blocked[p] > g.w.now }

// admits reports whether a connection that dialer made takes the place of the
// one there is (Mesh.replaces). If not, the one there is may be the one that is
// dead: it is asked.
func (p *peer) admits(g *edge, dialer *peer) bool {
	e := p.endOf(g)
	if e == nil {
		return true
	}
	ours := p.nr < g.other(p).nr // the one we dial stays
	if made := dialer == p; e.dialer == made || made == ours || !made && p.w.now-e.since > settledFor {
		return true
	}
	e.check()
	return false
}

// endOf returns the peer's end of the connection on an edge, or nil.
func (p *peer) endOf(g *edge) *end {
	for _, e := range p.ends {
		if e.edge == g {
			return e
		}
	}
	return nil
}

// connect makes a connection, which takes the place of older ones.
func (w *world) connect(g *edge, p, q *peer) {
	for _, e := range []*end{p.endOf(g), q.endOf(g)} {
		if e != nil {
			e.conn.sever(e)
		}
	}
	w.conns++
	w.stats.Conns++
	w.note("connection %d on link %d, peer %d dialed peer %d", w.conns, g.nr, p.nr, q.nr)
	c := &conn{edge: g, nr: w.conns}
	c.ends = [2]*end{w.newEnd(c, p, q, true), w.newEnd(c, q, p, false)}
	for i, e := range c.ends {
		e.other = c.ends[1-i]
		e.out = c.pipe(e.p, e.other.arrived)
		e.out.room = e.pump
		e.p.ends = append(e.p.ends, e)
		e.post(syncer.Start{})
	}
}

// sever ends a connection: one end notices at once, the other later, or by itself
// if nothing gets through.
func (c *conn) sever(first *end) {
	if !c.broken {
		c.broken = true
		for _, q := range c.pipes {
			q.drop()
		}
		late := between(c.edge.w.net, 0, c.edge.latency)
		if c.edge.w.net.IntN(8) == 0 {
			late = between(c.edge.w.net, 0, idleTimeout) // half open
		}
		if !c.dark {
			c.edge.w.after(late, first.other.lost)
		}
	}
	first.lost()
}

// lost is the end of a session at this side.
func (e *end) lost() {
	if e.gone {
		return
	}
	e.gone = true
	p, w := e.p, e.w
	w.note("peer %d lost connection %d", p.nr, e.conn.nr)
	p.ends = slices.DeleteFunc(p.ends, func(x *end) bool { return x == e })
	if !p.up {
		return
	}
	for _, t := range w.places {
		e.unlink(t.ID)
	}
	p.save()
	p.leave(e)
	p.numb = p.numb || w.opt.Control == Deaf && p.broken()
	p.ended(e)
}
