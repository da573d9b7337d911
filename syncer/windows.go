// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"slices"
	"time"
)

// Bounds of the windows of a fetch.
const (
	windowPages    = 64          // of a source whose rate is not known yet, and at least
	maxWindowPages = 1024        // at most
	windowTime     = time.Second // that a window takes at the source's rate
	windowStall    = 2 * time.Second
	stealFactor    = 4 // how much slower a source must be for another to take over
)

// Windows plans which pages of one log are fetched from which source. Each page
// is planned once, in windows whose size follows the measured rate of their
// source; who has nothing left to do takes over what is missing first from a
// source that stands still or is much slower. L names a source. It has no clock
// and is not safe for use by several goroutines at once.
type Windows[L comparable] struct {
	next    uint64 // first page that is not taken in yet
	ahead   uint64 // pages beyond next that may be under way
	free    []gap  // pages that nobody fetches, in order
	active  []*Window[L]
	sources map[L]*supply
}

// A gap is pages [from, end). One that is held waits until it is at the front:
// its first page may lie inside of an event.
type gap struct {
	from, end uint64
	held      bool
}

// A supply is what is known of a source.
type supply struct {
	pages uint64  // that it holds
	rate  float64 // pages a second; 0 where it is not known yet
}

// A Window is pages [From, End) that one source is asked for.
type Window[L comparable] struct {
	From, End uint64
	At        uint64 // after the last page that came
	Source    L
	Tail      bool   // the events after the last page are asked for too
	Gone      bool   // it was taken away: what still comes is not wanted
	Cancel    func() // called when it is taken away, unless nil

	began, moved time.Time
}

// NewWindows plans the pages from next on, at most so many ahead of it.
func NewWindows[L comparable](next, ahead uint64) *Windows[L] {
	return &Windows[L]{next: next, ahead: max(ahead, windowPages), sources: map[L]*supply{}}
}

// Next returns the first page that was not taken in yet.
func (p *Windows[L]) Next() uint64 { return p.next }

// Sources returns how many sources there are.
func (p *Windows[L]) Sources() int { return len(p.sources) }

// Total returns how many pages the source with most holds.
func (p *Windows[L]) Total() (n uint64) {
	for _, s := range p.sources {
		n = max(n, s.pages)
	}
	return n
}

// Over reports whether all that the sources hold was taken in.
func (p *Windows[L]) Over() bool { return p.next >= p.Total() && len(p.active) == 0 }

// Join adds a source that holds so many pages.
func (p *Windows[L]) Join(l L, pages uint64) {
	if before := max(p.Total(), p.next); pages > before {
		p.put(gap{from: before, end: pages})
	}
	p.sources[l] = &supply{pages: pages}
}

// Leave drops a source. What it was asked for and did not bring is planned
// anew.
func (p *Windows[L]) Leave(l L) {
	delete(p.sources, l)
	for _, w := range slices.Clone(p.active) {
		if w.Source == l {
			p.takeAway(w)
			p.put(gap{from: w.At, end: w.End})
		}
	}
	p.clip()
}

// clip forgets the pages that no source holds, and those that were taken in.
func (p *Windows[L]) clip() {
	total, free := p.Total(), p.free[:0]
	for _, g := range p.free {
		if g.from < p.next {
			g.from, g.held = p.next, false
		}
		if g.end = min(g.end, total); g.from < g.end {
			free = append(free, g)
		}
	}
	p.free = free
}

// put gives pages back.
func (p *Windows[L]) put(g gap) {
	if g.from = max(g.from, p.next); g.from >= g.end {
		return
	}
	i, _ := slices.BinarySearchFunc(p.free, g, func(x, y gap) int {
		if x.from < y.from {
			return -1
		}
		return 1
	})
	p.free = slices.Insert(p.free, i, g)
}

// Advance says that all pages before next were taken in.
func (p *Windows[L]) Advance(next uint64) {
	p.next = next
	for _, w := range slices.Clone(p.active) {
		if w.End <= next || w.At == w.From && w.From < next {
			p.takeAway(w)
			p.put(gap{from: w.At, end: w.End})
		}
	}
	p.clip()
}

// Lost says that pages that came are to be fetched again.
func (p *Windows[L]) Lost(from, end uint64) {
	p.put(gap{from: from, end: end})
	p.clip()
}

// Take plans a window for a source, or returns nil where there is nothing for
// it to do now.
func (p *Windows[L]) Take(l L, now time.Time) *Window[L] {
	s := p.sources[l]
	if s == nil {
		return nil
	}
	p.clip()
	for i, g := range p.free {
		if g.from >= p.next+p.ahead {
			break
		}
		if g.from >= s.pages || g.held && g.from > p.next {
			continue
		}
		end := min(g.end, s.pages, g.from+s.size())
		if p.free[i].from, p.free[i].held = end, false; end == g.end {
			p.free = slices.Delete(p.free, i, i+1)
		}
		return p.begin(l, g.from, end, now)
	}
	return p.steal(l, s, now)
}

func (s *supply) size() uint64 {
	return uint64(min(max(s.rate*windowTime.Seconds(), windowPages), maxWindowPages))
}

func (p *Windows[L]) begin(l L, from, end uint64, now time.Time) *Window[L] {
	w := &Window[L]{From: from, End: end, At: from, Source: l, Tail: end == p.Total(), began: now, moved: now}
	p.active = append(p.active, w)
	return w
}

// steal takes over the window that is needed first, where its source stands
// still or needs much longer for the rest than l would.
func (p *Windows[L]) steal(l L, s *supply, now time.Time) *Window[L] {
	var first *Window[L]
	for _, w := range p.active {
		if w.At < w.End && (first == nil || w.At < first.At) {
			first = w
		}
	}
	if first == nil || first.Source == l || first.At >= s.pages || !first.slow(s, now) {
		return nil
	}
	if loser := p.sources[first.Source]; loser != nil {
		loser.rate = max(first.rate(now), 1)
	}
	p.takeAway(first)
	end := min(first.End, s.pages)
	p.put(gap{from: end, end: first.End})
	return p.begin(l, first.At, end, now)
}

// rate is in pages a second.
func (w *Window[L]) rate(now time.Time) float64 {
	if d := now.Sub(w.began).Seconds(); d > 0 {
		return float64(w.At-w.From) / d
	}
	return 0
}

func (w *Window[L]) slow(s *supply, now time.Time) bool {
	if now.Sub(w.moved) >= windowStall {
		return true
	}
	left, rate := float64(w.End-w.At), w.rate(now)
	if s.rate == 0 || now.Sub(w.began) < windowTime {
		return false // too early to tell
	}
	return rate == 0 || left/rate > stealFactor*(left/s.rate)+windowTime.Seconds()
}

func (p *Windows[L]) takeAway(w *Window[L]) {
	w.Gone = true
	p.drop(w)
	if w.Cancel != nil {
		w.Cancel()
	}
}

func (p *Windows[L]) drop(w *Window[L]) {
	p.active = slices.DeleteFunc(p.active, func(x *Window[L]) bool { return x == w })
}

// Got says that the next pages of a window came.
func (p *Windows[L]) Got(w *Window[L], pages uint64, now time.Time) {
	w.At += pages
	w.moved = now
	if s := p.sources[w.Source]; s != nil {
		if r := w.rate(now); r > 0 {
			s.rate = r
		}
	}
}

// Done says that the source sent all it will of a window. Pages that it did
// not send, it does not hold.
func (p *Windows[L]) Done(w *Window[L]) {
	if w.Gone {
		return
	}
	p.drop(w)
	if s := p.sources[w.Source]; s != nil && w.At < w.End {
		s.pages = w.At
		p.put(gap{from: w.At, end: w.End})
		p.clip()
	}
}

// Refused says that the source did not serve the beginning of a window, which
// may be the middle of an event. It is planned again once it is at the front.
// False says that it is there already, and the source to blame.
func (p *Windows[L]) Refused(w *Window[L]) bool {
	if w.Gone {
		return true
	}
	if w.At > w.From || w.From <= p.next {
		return false
	}
	p.drop(w)
	p.put(gap{from: w.From, end: w.End, held: true})
	return true
}
