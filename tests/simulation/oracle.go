// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// judgeLog checks what was stored behind a size: it is what the author appended
// there, in its order, up to where it broke a rule.
func (w *world) judgeLog(p *peer, l *log, from uint64) {
	h := w.truth[l.info.Log]
	if h == nil {
		w.fail("peer %d holds log %s, which nobody has", p.nr, l.info.Log.Short())
		return
	}
	for i := from; i < l.Size(); i++ {
		switch {
		case i >= uint64(len(h.leaves)) || l.Leaves[i] != h.leaves[i]:
			w.fail("peer %d holds another event %d of peer %d than was appended", p.nr, i, h.author.p.nr)
			return
		case h.bad != 0 && i >= h.end && (p != h.author.p || l.info.Ends):
			w.fail("peer %d holds event %d of peer %d, whose log ends at %d: %v", p.nr, i, h.author.p.nr, h.end, h.bad)
			return
		}
	}
	w.judgeEnd(p, l, h)
}

// judgeEnd checks where a log ends, and why.
func (w *world) judgeEnd(p *peer, l *log, h *history) {
	if l.info.Ends && (l.Size() != h.end || l.info.End != h.end || l.why != h.bad) {
		w.fail("peer %d ends a log of peer %d at %d of %d for %q, want %d for %q", p.nr, h.author.p.nr, l.info.End, l.Size(), l.why, h.end, h.bad)
	}
}

// judgeStart checks what a peer holds that was started: all it said it does.
func (w *world) judgeStart(p *peer) {
	for id, size := range p.held {
		switch l := p.st.logs[id]; {
		case l == nil || l.Size() < size:
			w.fail("peer %d had acknowledged %d events of peer %d, and lost some of them at its restart", p.nr, size, w.truth[id].author.p.nr)
		default:
			w.judgeLog(p, l, 0)
		}
	}
}

// judgeStored checks what a session was told: that a log is held up to a size.
func (w *world) judgeStored(p *peer, id digest.Hash, size uint64) {
	if l := p.st.logs[id]; l == nil || l.Size() < size {
		w.fail("peer %d said that it stored %d events of peer %d, and did not", p.nr, size, w.truth[id].author.p.nr)
	}
}

// settled reports whether all peers hold all events that count, and know that
// of each other. If not, it says what is missing. A peer that holds more of its own log
// than counts agrees with nobody, and keeps nobody else from it.
func (w *world) settled() (missing string) {
	for _, p := range w.peers {
		for _, id := range w.order {
			h := w.truth[id]
			var have uint64
			if l := p.st.logs[id]; l != nil {
				have = l.Size()
				w.judgeEnd(p, l, h)
			}
			if want := h.counts(); have < want || have > want && p != h.author.p {
				return w.describe("peer %d holds %d of %d events of peer %d in topic %d, kind %d", p.nr, have, want, h.author.p.nr, h.author.at.nr, h.author.info.Kind)
			}
		}
	}
	for _, t := range w.places {
		if missing := w.sameFrontier(t); missing != "" {
			return missing
		}
	}
	for _, p := range w.peers {
		p.judgeBook()
	}
	return w.linked()
}

// sameFrontier compares what peers state of a topic.
func (w *world) sameFrontier(t *place) string {
	var first *peer
	for _, p := range w.peers {
		switch {
		case p.strays(t):
			continue
		case first == nil:
			first = p
		}
		a, _ := first.st.Summary(t.ID)
		ra, _ := first.st.Roster(t.ID)
		b, _ := p.st.Summary(t.ID)
		if rb, _ := p.st.Roster(t.ID); a != b || ra.Position != rb.Position {
			return w.describe("peer %d has another frontier of topic %d than peer %d", p.nr, t.nr, first.nr)
		}
	}
	return ""
}

// linked looks whether the two ends of each link agree, if they can.
func (w *world) linked() string {
	for _, g := range w.edges {
		for _, p := range []*peer{g.a, g.b} {
			e := p.endOf(g)
			if e == nil && !g.kept {
				continue
			}
			if e == nil {
				return w.describe("peer %d has no session on link %d", p.nr, g.nr)
			}
			for _, t := range w.places {
				if !e.agreed[t.ID] && !t.strange(g.a, g.b) {
					return w.describe("peer %d does not agree on link %d about topic %d", p.nr, g.nr, t.nr)
				}
			}
		}
	}
	return ""
}

// describe adds what each session is about.
func (w *world) describe(format string, args ...any) string {
	var b strings.Builder
	b.WriteString(sprintf(format, args...))
	for _, p := range w.peers {
		for _, e := range p.ends {
			st, err := e.s.Status(3)
			if err == nil && (len(e.agreed) < len(w.places) || st.Waiting != "") && b.Len() < 4000 {
				b.WriteString(sprintf("\n  peer %d on link %d: %s, agreed %v, waits for %q, misses %d events of %d logs",
					p.nr, e.edge.nr, st.State, e.agreed, st.Waiting, st.Events, st.Logs))
			}
		}
	}
	return b.String()
}

// accept takes it that events which only a disk held that was lost are gone. An
// author that broke a rule does not go on from there: it would fork its log.
func (w *world) accept() {
	for _, id := range w.order {
		h := w.truth[id]
		var most uint64
		for _, p := range w.peers {
			if l := p.st.logs[id]; l != nil {
				most = max(most, l.Size())
			}
		}
		if h.bad != 0 && most >= h.end {
			continue
		}
		h.leaves, h.bad = h.leaves[:most], 0
		h.author.regain()
	}
}
