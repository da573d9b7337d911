// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"slices"
	"time"
)

// Bounds of the windows of a fetch.
const (
	windowTime  = time.Second // that a window takes at the source's rate
	windowStall = 2 * time.Second
	stealFactor = 4 // how much slower a source must be for another to take over
)

// A WindowSize bounds windows, in units.
type WindowSize struct {
	Least uint64 // of a source whose rate is not known yet, and at least
	Most  uint64
	Alone uint64 // that a source brings of its first window before it has a second one beside it
}

// PageWindows is the size of windows whose units are pages.
var PageWindows = WindowSize{Least: 64, Most: 1024, Alone: 16}

// Windows plans which units of one log (its pages, or its events) are fetched from
// which source. Each unit is planned once, in windows whose size follows the
// measured rate of their source; who has nothing left to do takes over what is
// missing first from a source that stands still or is much slower. L names a source.
// It has no clock and is not safe for use by several goroutines at once.
type Windows[L comparable] struct {
	next    uint64 // first unit that is not taken in yet
	ahead   uint64 // units beyond next that may be under way
	size    WindowSize
	free    []gap // units that nobody fetches, in order
	active  []*Window[L]
	sources map[L]*supply
}

// A gap is units [from, end). One that is held waits until it is at the front:
// its first page may lie inside of an event.
type gap struct {
	from, end uint64
	held      bool
}

// A supply is what is known of a source.
type supply struct {
	units uint64  // that it holds the first of, but for
	lacks []Span  // these
	rate  float64 // units a second; 0 if it is not known yet
	shown bool    // it brought a part of a window
}

// part returns the first part of [from, end) that the source holds; it is empty if
// that is none of it.
func (s *supply) part(from, end uint64) (uint64, uint64) {
	end = min(end, s.units)
	for again := true; again; {
		again = false
		for _, l := range s.lacks {
			switch {
			case l.First <= from && from < l.End:
				from, again = l.End, true
			case from < l.First && l.First < end:
				end = l.First
			}
		}
	}
	return from, max(from, end)
}

// lack takes note that the source does not hold some units.
func (s *supply) lack(units Span) {
	if units.First >= units.End {
		return
	}
	s.lacks = append(s.lacks, units)
	for again := true; again; {
		again = false
		for _, l := range s.lacks {
			if l.First < s.units && l.End >= s.units {
				s.units, again = l.First, true
			}
		}
	}
}

// A Window is units [From, End) that one source is asked for.
type Window[L comparable] struct {
	From, End uint64
	At        uint64 // after the last unit that came
	Source    L
	Tail      bool   // it ends where the source with most ends
	Gone      bool   // it was taken away: what still comes is not wanted
	Cancel    func() // called when it is taken away, unless nil

	began, moved time.Time
}

// NewWindows plans the units from next on, at most so many ahead of it.
func NewWindows[L comparable](next, ahead uint64, size WindowSize) *Windows[L] {
	return &Windows[L]{next: next, ahead: max(ahead, size.Least), size: size, sources: map[L]*supply{}}
}

// Next returns the first unit that was not taken in yet.
func (p *Windows[L]) Next() uint64 { return p.next }

// Sources returns how many sources there are.
func (p *Windows[L]) Sources() int { return len(p.sources) }

// Total returns how many units the source with most holds.
func (p *Windows[L]) Total() (n uint64) {
	for _, s := range p.sources {
		n = max(n, s.units)
	}
	return n
}

// Over reports whether all that the sources hold was taken in.
func (p *Windows[L]) Over() bool { return p.next >= p.Total() && len(p.active) == 0 }

// Idle reports whether nothing is under way, and no source holds what is left.
func (p *Windows[L]) Idle() bool {
	if len(p.active) > 0 {
		return false
	}
	for _, s := range p.sources {
		for _, g := range p.free {
			if from, end := s.part(g.from, g.end); from < end {
				return false
			}
		}
	}
	return true
}

// Holds reports whether a source may hold a unit.
func (p *Windows[L]) Holds(l L, unit uint64) bool {
	s := p.sources[l]
	if s == nil {
		return false
	}
	from, end := s.part(unit, unit+1)
	return from == unit && from < end
}

// Join adds a source that holds the first so many units.
func (p *Windows[L]) Join(l L, units uint64) {
	if before := max(p.Total(), p.next); units > before {
		p.put(gap{from: before, end: units})
	}
	p.sources[l] = &supply{units: units}
}

// Lacks says that a source does not hold some units.
func (p *Windows[L]) Lacks(l L, units Span) {
	if s := p.sources[l]; s != nil {
		s.lack(units)
		p.clip()
	}
}

// Held says that some units are not wanted.
func (p *Windows[L]) Held(units Span) {
	var left []gap
	for _, g := range p.free {
		if below := (gap{g.from, min(g.end, units.First), g.held}); below.from < below.end {
			left = append(left, below)
		}
		if above := (gap{max(g.from, units.End), g.end, g.held}); above.from < above.end {
			left = append(left, above)
		}
	}
	p.free = left
}

// Leave drops a source. Windows it was asked for and did not bring are planned
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

// Close drops all sources: nothing more is wanted.
func (p *Windows[L]) Close() {
	for l := range p.sources {
		p.Leave(l)
	}
}

// clip forgets the units that no source holds, and those that were taken in.
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

// put gives units back.
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

// Advance says that all units before next were taken in.
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

// Lost says that units that came are to be fetched again.
func (p *Windows[L]) Lost(from, end uint64) {
	p.put(gap{from: from, end: end})
	p.clip()
}

// Take plans a window for a source, or returns nil if there is nothing for it to do
// now. A source has one window until a part of it came: if its connection carries
// little, that is of use, and not parts of two.
func (p *Windows[L]) Take(l L, now time.Time) *Window[L] {
	s := p.sources[l]
	if s == nil || !s.shown && p.size.Alone > 0 && p.busy(l) {
		return nil
	}
	p.clip()
	for i, g := range p.free {
		if g.from >= p.next+p.ahead {
			break
		}
		from, end := s.part(g.from, g.end)
		if from == end || g.held && g.from > p.next {
			continue
		}
		end = min(end, from+p.sizeFor(s))
		p.free = slices.Delete(p.free, i, i+1)
		p.put(gap{from: g.from, end: from})
		p.put(gap{from: end, end: g.end})
		return p.begin(l, from, end, now)
	}
	return p.steal(l, s, now)
}

// busy reports whether a source is asked for something.
func (p *Windows[L]) busy(l L) bool {
	return slices.ContainsFunc(p.active, func(w *Window[L]) bool { return w.Source == l })
}

func (p *Windows[L]) sizeFor(s *supply) uint64 {
	return min(max(uint64(s.rate*windowTime.Seconds()), p.size.Least), p.size.Most)
}

func (p *Windows[L]) begin(l L, from, end uint64, now time.Time) *Window[L] {
	w := &Window[L]{From: from, End: end, At: from, Source: l, Tail: end == p.Total(), began: now, moved: now}
	p.active = append(p.active, w)
	return w
}

// steal takes over the window that is needed first, if its source stands
// still or needs much longer for the rest than l would.
func (p *Windows[L]) steal(l L, s *supply, now time.Time) *Window[L] {
	var first *Window[L]
	for _, w := range p.active {
		if w.At < w.End && (first == nil || w.At < first.At) {
			first = w
		}
	}
	if first == nil || first.Source == l || !first.slow(s, now) {
		return nil
	}
	from, end := s.part(first.At, first.End)
	if from == end {
		return nil
	}
	if loser := p.sources[first.Source]; loser != nil {
		loser.rate = max(first.rate(now), 1)
	}
	p.takeAway(first)
	p.put(gap{from: first.At, end: from})
	p.put(gap{from: end, end: first.End})
	return p.begin(l, from, end, now)
}

// rate is in units a second.
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

// Got says that the next units of a window came.
func (p *Windows[L]) Got(w *Window[L], units uint64, now time.Time) {
	w.At += units
	w.moved = now
	if s := p.sources[w.Source]; s != nil {
		s.shown = s.shown || w.At-w.From >= p.size.Alone
		if r := w.rate(now); r > 0 {
			s.rate = r
		}
	}
}

// Done says that the source sent all it will of a window. If that is not all of it,
// it holds nothing of what follows.
func (p *Windows[L]) Done(w *Window[L]) {
	if w.Gone {
		return
	}
	p.Settle(w, Span{First: w.At, End: w.End})
	s := p.sources[w.Source]
	if s == nil {
		return
	}
	if s.shown = true; w.At < w.End {
		p.Lacks(w.Source, Span{First: w.At, End: s.units})
	}
}

// Settle says that a window is over, and which of its units are to be planned anew.
func (p *Windows[L]) Settle(w *Window[L], missing ...Span) {
	if w.Gone {
		return
	}
	p.drop(w)
	for _, m := range missing {
		p.put(gap{from: m.First, end: m.End})
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
