// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Sources of different rates, which come, go, stand still and lie, bring each
// page once, but for what was under way when a source was replaced.
func TestWindowsBringEachPageOnce(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runWindows(t, rand.New(rand.NewPCG(seed, 3))) })
	}
}

func runWindows(t *testing.T, r *rand.Rand) {
	const total, ahead = 5000, 700
	start := uint64(r.IntN(100))
	p := NewWindows[int](start, ahead, PageWindows)
	sources := 1 + r.IntN(6)
	stuck := map[int]bool{}
	for i := range sources {
		pages := uint64(total)
		if i > 0 {
			pages = uint64(r.IntN(total + 1))
			stuck[i] = r.IntN(4) == 0
		}
		p.Join(i, pages)
	}
	came := map[uint64]int{} // pages by how often they came
	have := map[uint64]bool{}
	at := map[int]*Window[int]{}
	now := time.Unix(0, 0)
	for steps := 0; !p.Over(); steps++ {
		if steps > 200_000 {
			t.Fatalf("not over at page %d of %d, free %v, %d active", p.Next(), p.Total(), p.free, len(p.active))
		}
		now = now.Add(time.Duration(r.IntN(20)) * time.Millisecond)
		i := r.IntN(sources)
		w := at[i]
		if w == nil || w.Gone {
			if w = p.Take(i, now); w != nil && w.From >= p.Next()+ahead {
				t.Fatalf("window from %d, %d may be under way from %d on", w.From, ahead, p.Next())
			}
			at[i] = w
			continue
		}
		switch {
		case w.At >= w.End:
			p.Done(w)
			at[i] = nil
			continue
		case stuck[i]:
			continue
		case i > 0 && r.IntN(300) == 0:
			p.Leave(i)
			at[i] = nil
			continue
		}
		n := min(uint64(1+r.IntN(64)), w.End-w.At)
		for page := w.At; page < w.At+n; page++ {
			came[page]++
			have[page] = true
		}
		p.Got(w, n, now)
		next := p.Next()
		for have[next] {
			next++
		}
		p.Advance(next)
		if i > 0 && r.IntN(100) == 0 && w.At <= next { // what a liar sent is dropped
			continue
		}
	}
	if p.Next() < total {
		t.Fatalf("over at page %d of %d", p.Next(), total)
	}
	for page := start; page < total; page++ {
		if came[page] != 1 {
			t.Errorf("page %d came %d times", page, came[page])
		}
	}
}

func TestWindowsFollowTheRate(t *testing.T) {
	p := NewWindows[string](0, 100_000, PageWindows)
	p.Join("fast", 100_000)
	p.Join("slow", 100_000)
	now := time.Unix(0, 0)
	f, s := p.Take("fast", now), p.Take("slow", now)
	if f.End-f.From != PageWindows.Least || s.From != f.End || f.Tail || s.Tail {
		t.Fatalf("%+v, %+v", f, s)
	}
	now = now.Add(100 * time.Millisecond)
	p.Got(f, PageWindows.Least, now) // 640 pages a second
	p.Done(f)
	if f = p.Take("fast", now); f.End-f.From != 640 {
		t.Errorf("a window of %d pages at 640 a second", f.End-f.From)
	}
	now = now.Add(time.Millisecond)
	p.Got(f, 640, now)
	p.Done(f)
	if f = p.Take("fast", now); f.End-f.From != PageWindows.Most {
		t.Errorf("a window of %d pages, limit %d", f.End-f.From, PageWindows.Most)
	}
}

func TestWindowsReplaceASlowSource(t *testing.T) {
	p := NewWindows[string](0, PageWindows.Least, PageWindows)
	p.Join("still", PageWindows.Least)
	p.Join("quick", PageWindows.Least)
	now := time.Unix(0, 0)
	w := p.Take("still", now)
	canceled := false
	w.Cancel = func() { canceled = true }
	p.Got(w, 10, now)
	if q := p.Take("quick", now.Add(windowStall/2)); q != nil {
		t.Fatalf("taken over at once: %+v", q)
	}
	q := p.Take("quick", now.Add(windowStall))
	if q == nil || q.From != 10 || q.End != PageWindows.Least || !q.Tail || !w.Gone || !canceled {
		t.Fatalf("%+v of %+v", q, w)
	}
	if p.Take("still", now.Add(windowStall)) != nil {
		t.Error("the slow one takes it back at once")
	}
}

// The beginning of a window may be the middle of an event: it waits until it is
// known where the event ends.
func TestWindowsInTheMiddleOfAnEvent(t *testing.T) {
	p := NewWindows[string](0, 1000, PageWindows)
	p.Join("a", 200)
	p.Join("b", 200)
	now := time.Unix(0, 0)
	a, b := p.Take("a", now), p.Take("b", now)
	if !p.Refused(b) {
		t.Fatal("the source is to blame for a page that nobody needs yet")
	}
	if w := p.Take("b", now); w == nil || w.From != 128 {
		t.Fatalf("%+v, want what follows", w)
	}
	p.Got(a, 66, now) // with the two pages of the event's end
	p.Done(a)
	p.Advance(66)
	w := p.Take("a", now)
	if w == nil || w.From != 66 || w.End != 128 {
		t.Fatalf("%+v, want from 66 to 128", w)
	}
	if p.Refused(w) {
		t.Error("a source that does not serve the first page is not to blame")
	}
}

// Of units that a source lacks in the middle it is not asked, and what nobody holds is
// left.
func TestWindowsOfPartialSources(t *testing.T) {
	p := NewWindows[string](0, 1000, WindowSize{Least: 100, Most: 100})
	p.Join("a", 300)
	p.Join("b", 300)
	p.Held(Span{First: 0, End: 50})
	p.Lacks("a", Span{First: 60, End: 90})
	p.Lacks("b", Span{First: 60, End: 80})
	p.Lacks("b", Span{First: 200, End: 300})
	now := time.Unix(0, 0)
	var got []string
	for !p.Idle() {
		for _, l := range []string{"a", "b"} {
			if w := p.Take(l, now); w != nil {
				got = append(got, fmt.Sprintf("%s %d-%d", l, w.From, w.End))
				p.Got(w, w.End-w.From, now)
				p.Settle(w)
			}
		}
	}
	if want := "[a 50-60 b 80-180 a 180-280 a 280-300]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if want := []gap{{from: 60, end: 80}}; !slices.Equal(p.free, want) {
		t.Errorf("left is %v, want %v", p.free, want)
	}
	p.Leave("a")
	if p.Total() != 200 || !p.Idle() {
		t.Errorf("%d units in all, idle is %v", p.Total(), p.Idle())
	}
}
