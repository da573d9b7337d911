// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"strings"

	"github.com/xaeroflux/xaeroflux/digest"
)

// judgeLog checks what was stored behind a size: it is what the author appended
// there, in its order.
func (w *world) judgeLog(p *peer, l *log, from uint64) {
	h := w.truth[l.info.Log]
	if h == nil {
		w.fail("peer %d holds log %s, which nobody has", p.nr, l.info.Log.Short())
		return
	}
	for i := from; i < l.size(); i++ {
		if i >= uint64(len(h.leaves)) || l.leaves[i] != h.leaves[i] {
			w.fail("peer %d holds another event %d of peer %d than was appended", p.nr, i, h.author.nr)
			return
		}
	}
}

// judgeStart checks what a peer holds that was started: all it said it does.
func (w *world) judgeStart(p *peer) {
	for id, size := range p.held {
		switch l := p.st.logs[id]; {
		case l == nil || l.size() < size:
			w.fail("peer %d had acknowledged %d events of peer %d, and lost some of them at its restart", p.nr, size, w.truth[id].author.nr)
		default:
			w.judgeLog(p, l, 0)
		}
	}
}

// judgeStored checks what a session was told: that a log is held up to a size.
func (w *world) judgeStored(p *peer, id digest.Hash, size uint64) {
	if l := p.st.logs[id]; l == nil || l.size() < size {
		w.fail("peer %d said that it stored %d events of peer %d, and did not", p.nr, size, w.truth[id].author.nr)
	}
}

// settled reports whether all peers hold all events, and know that of each
// other. Where not, it says what is missing.
func (w *world) settled() (missing string) {
	for _, p := range w.peers {
		for _, author := range w.peers {
			h := w.truth[author.own]
			var have uint64
			if l := p.st.logs[author.own]; l != nil {
				have = l.size()
			}
			if want := uint64(len(h.leaves)); have != want {
				return w.describe("peer %d holds %d of %d events of peer %d", p.nr, have, want, author.nr)
			}
		}
	}
	first, _ := w.peers[0].st.Summary(digest.Hash{})
	for _, p := range w.peers {
		if set, _ := p.st.Summary(digest.Hash{}); set != first {
			return w.describe("peer %d has another frontier than peer 0", p.nr)
		}
	}
	for _, g := range w.edges {
		for _, p := range []*peer{g.a, g.b} {
			switch e := p.endOf(g); {
			case e == nil:
				return w.describe("peer %d has no session on link %d", p.nr, g.nr)
			case !e.agreed:
				return w.describe("peer %d does not agree on link %d", p.nr, g.nr)
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
			if err == nil && (!e.agreed || st.Waiting != "") && b.Len() < 4000 {
				b.WriteString(sprintf("\n  peer %d on link %d: %s, agreed %v, waits for %q, misses %d events of %d logs",
					p.nr, e.edge.nr, st.State, e.agreed, st.Waiting, st.Events, st.Logs))
			}
		}
	}
	return b.String()
}

// accept takes it that events which only a disk held that was lost are gone.
func (w *world) accept() {
	for _, author := range w.peers {
		h := w.truth[author.own]
		var most uint64
		for _, p := range w.peers {
			if l := p.st.logs[author.own]; l != nil {
				most = max(most, l.size())
			}
		}
		h.leaves = h.leaves[:most]
		author.regain()
	}
}
