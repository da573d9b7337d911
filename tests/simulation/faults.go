// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"math/rand/v2"
	"time"
)

// happen plans what goes wrong before a time, each kind from numbers of its
// own: what one kind does hardly depends on whether another does anything.
func (w *world) happen(until time.Duration) {
	plans := [allFaults]func(*rand.Rand, time.Duration){
		Cut: w.cuts, Partition: w.partitions, Stall: w.stalls, Restart: w.restarts,
		Backup: w.backups, Disk: w.disks, Clock: w.clocks, Slow: w.slows,
		Hostile: w.hostiles, Topics: w.goings, Move: w.moves, Hints: w.hints, Liar: w.liars,
	}
	for f, plan := range plans {
		if r := w.faults[f]; plan != nil && w.opt.Faults.Has(Fault(f)) && r.IntN(4) > 0 {
			plan(r, until)
		}
	}
}

// sometimes makes something happen up to n times, at random times.
func (w *world) sometimes(r *rand.Rand, n int, until time.Duration, do func()) {
	for range 1 + r.IntN(max(n, 1)) {
		w.after(between(r, 0, until), func() {
			if !w.calm {
				w.stats.Faults++
				do()
			}
		})
	}
}

func (w *world) cuts(r *rand.Rand, until time.Duration) {
	w.sometimes(r, 2*len(w.edges), until, func() {
		g := w.edges[r.IntN(len(w.edges))]
		p := [2]*peer{g.a, g.b}[r.IntN(2)]
		if e := p.endOf(g); e != nil {
			w.note("connection %d is cut", e.conn.nr)
			e.conn.sever(e)
		}
	})
	w.sometimes(r, 20, until, func() {
		for _, x := range w.serving {
			if !x.done && r.IntN(2) == 0 {
				w.note("a transfer to peer %d is cut", x.f.p.nr)
				x.reset()
				return
			}
		}
	})
}

// block lets nothing of a peer get through on an edge for a while. No carrier gives
// up: the pulse of a session is to notice.
func (w *world) block(g *edge, p *peer, d time.Duration) {
	g.blocked[p] = max(g.blocked[p], w.now+d)
}

func (w *world) partitions(r *rand.Rand, until time.Duration) {
	w.sometimes(r, 3, until, func() {
		d := between(r, time.Second, 60*time.Second)
		w.note("a partition for %v", d)
		side := make(map[*peer]bool, len(w.peers))
		for _, p := range w.peers {
			side[p] = r.IntN(2) == 0
		}
		for _, g := range w.edges {
			if side[g.a] != side[g.b] {
				w.block(g, g.a, d)
				w.block(g, g.b, d)
			}
		}
	})
}

func (w *world) stalls(r *rand.Rand, until time.Duration) {
	w.sometimes(r, len(w.edges), until, func() {
		g, d := w.edges[r.IntN(len(w.edges))], between(r, time.Second/2, 60*time.Second)
		p := [2]*peer{g.a, g.b}[r.IntN(2)]
		w.note("nothing of peer %d gets through on link %d for %v", p.nr, g.nr, d)
		w.block(g, p, d)
	})
}

func (w *world) restarts(r *rand.Rand, until time.Duration) {
	w.sometimes(r, len(w.peers), until, func() {
		p := w.peers[r.IntN(len(w.peers))]
		if w.opt.Control == Forgets {
			p = w.peers[1] // the broken one
		}
		if p.up {
			p.stop()
			w.after(between(r, 0, 20*time.Second), func() { p.again(nil) })
		}
	})
}

// again starts a peer that is stopped.
func (p *peer) again(older *store) {
	if !p.up {
		p.start(older)
	}
}

func (w *world) backups(r *rand.Rand, until time.Duration) {
	p := w.peers[r.IntN(len(w.peers))]
	w.after(between(r, 0, until/2), func() { p.backup = p.st.copied() })
	w.after(between(r, until/2, until), func() {
		if p.up && !w.calm {
			w.stats.Faults++
			p.stop()
			w.after(between(r, 0, 5*time.Second), func() { p.again(p.backup) })
		}
	})
}

func (w *world) disks(r *rand.Rand, until time.Duration) {
	w.sometimes(r, 4, until, func() {
		p := w.peers[r.IntN(len(w.peers))]
		if p.disk != nil || !p.up {
			return
		}
		if p.disk = errDisk; r.IntN(3) == 0 {
			p.disk = errReadOnly
			w.note("peer %d is read-only until it is restarted", p.nr)
			return
		}
		d := between(r, time.Second, 20*time.Second)
		w.note("peer %d cannot store anything for %v", p.nr, d)
		p.later(d, func() { p.disk = nil })
	})
}

func (w *world) clocks(r *rand.Rand, until time.Duration) {
	for _, p := range w.peers {
		p.ahead = between(r, -24*time.Hour, 24*time.Hour)
		p.rate = []float64{1, 1, 0.99, 1.01, 0.7, 1.5}[r.IntN(6)]
	}
	w.sometimes(r, len(w.peers), until, func() {
		p := w.peers[r.IntN(len(w.peers))]
		d := between(r, -5*time.Second, time.Hour)
		w.note("the clock of peer %d jumps by %v", p.nr, d)
		p.ahead += d
	})
}

func (w *world) slows(r *rand.Rand, until time.Duration) {
	w.sometimes(r, 3, until, func() {
		p := w.peers[r.IntN(len(w.peers))]
		p.slow = between(r, 0, 400*time.Millisecond)
		w.note("peer %d is slow: up to %v for a message", p.nr, p.slow)
		w.after(between(r, time.Second, 20*time.Second), func() { p.slow = 0 })
	})
}

// heal ends all that is wrong.
func (w *world) heal() {
	w.note("all is well from now on")
	w.calm, w.healed = true, w.now
	for _, g := range w.edges {
		clear(g.blocked)
	}
	for _, p := range w.peers {
		p.slow = 0
		if p.up && p.disk == errReadOnly {
			p.stop()
		}
		p.disk = nil
		if p.spoil > 0 && p.nr%2 == 0 {
			if p.up {
				p.stop()
			}
			p.repent()
		}
		p.again(nil)
		for _, t := range w.places {
			p.join(t, true)
		}
	}
	w.nameAgain()
}
