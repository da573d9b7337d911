// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of links, as package actors and the carriers have them.
const (
	dialTimeout = 15 * time.Second
	firstPause  = 200 * time.Millisecond
	maxPause    = 5 * time.Minute
	brief       = 5 * time.Second // a session that did not last counts as failed
	briefPause  = 1600 * time.Millisecond
	idleTimeout = 30 * time.Second // after which a carrier gives a connection up
)

// An edge is a way between two peers, on which one of them or both keep a
// connection.
type edge struct {
	w       *world
	nr      int
	a, b    *peer
	both    bool // both dial; else a does
	latency time.Duration
	rate    int // bytes a second
	loss    float64
	blocked map[*peer]time.Duration // until when nothing of the peer gets through
	dialing map[*peer]bool
	pause   map[*peer]time.Duration
}

// A conn is a connection between the two peers of an edge.
type conn struct {
	edge   *edge
	nr     int
	ends   [2]*end // the first dialed
	broken bool
	pipes  []*pipe
}

func (g *edge) dials(p *peer) bool { return p == g.a || g.both && p == g.b }

func (g *edge) other(p *peer) *peer {
	if p == g.a {
		return g.b
	}
	return g.a
}

func (g *edge) blockedFrom(p *peer) bool { return g.blocked[p] > g.w.now }

// dial connects after a pause, unless there is a session by then.
func (g *edge) dial(p *peer, pause time.Duration) {
	if g.dialing[p] {
		return
	}
	g.dialing[p] = true
	life := p.life
	g.w.after(pause, func() {
		if p.life != life || !p.up {
			return
		}
		if p.endOf(g) != nil {
			g.dialing[p] = false
			return
		}
		took := 2 * g.latency
		if g.blockedFrom(p) || g.blockedFrom(g.other(p)) {
			took = dialTimeout
		}
		p.later(took, func() { g.dialed(p) })
	})
}

// dialed is the end of an attempt.
func (g *edge) dialed(p *peer) {
	g.dialing[p] = false
	q := g.other(p)
	if !q.up || g.blockedFrom(p) || g.blockedFrom(q) || !p.admits(g, p) || !q.admits(g, p) {
		if p.endOf(g) == nil {
			g.again(p)
		}
		return
	}
	for _, e := range []*end{p.endOf(g), q.endOf(g)} {
		if e != nil {
			e.conn.sever(e)
		}
	}
	g.w.connect(g, p, q)
}

// again dials after a pause, which doubles.
func (g *edge) again(p *peer) {
	if g.dials(p) {
		d := max(g.pause[p], firstPause)
		g.pause[p] = min(2*d, maxPause)
		g.dial(p, d-between(g.w.net, 0, d*3/10))
	}
}

// admits reports whether a connection that dialer made takes the place of the
// one there is: of two in one direction the newer counts, else the one that
// the smaller id dialed.
func (p *peer) admits(g *edge, dialer *peer) bool {
	e := p.endOf(g)
	if e == nil {
		return true
	}
	dialed := g.other(p)
	if e.dialer {
		dialed = p
	}
	return dialed == dialer || dialer.nr < dialed.nr
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

func (w *world) connect(g *edge, p, q *peer) {
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

// sever ends a connection: one end notices at once, the other later.
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
		c.edge.w.after(late, first.other.lost)
	}
	first.lost()
}

// lost is the end of a session at this side.
func (e *end) lost() {
	if e.gone {
		return
	}
	e.gone = true
	p, g, w := e.p, e.edge, e.w
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
	g.pause[p] = firstPause
	if w.now-e.since < brief {
		g.pause[p] = briefPause
	}
	g.again(p)
}
