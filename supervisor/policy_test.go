// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"math"
	"testing"
	"time"
)

func TestPauseGrowsToItsCap(t *testing.T) {
	p := Policy{Base: 10 * time.Millisecond, Cap: 5 * time.Second, Rand: func() float64 { return 0 }}
	want := 10 * time.Millisecond
	for n := 1; n < 2000; n++ {
		if got := p.Pause(n); got != min(want, p.Cap) {
			t.Fatalf("pause %d: %v, want %v", n, got, min(want, p.Cap))
		}
		if want < p.Cap {
			want *= 2
		}
	}
}

func TestPauseNeverOverflows(t *testing.T) {
	p := Policy{Base: time.Hour, Cap: math.MaxInt64, Rand: func() float64 { return 0 }}
	last := time.Duration(0)
	for n := range 45 {
		d := p.Pause(n)
		if d < last || d < time.Hour {
			t.Fatalf("pause %d: %v after %v", n, d, last)
		}
		last = d
	}
}

func TestPauseIsJittered(t *testing.T) {
	for _, r := range []float64{0, 0.5, 0.999} {
		p := Policy{Base: time.Second, Cap: time.Minute, Jitter: 0.5, Rand: func() float64 { return r }}
		if got, want := p.Pause(2), 2*time.Second-time.Duration(r*float64(time.Second)); (got - want).Abs() > time.Microsecond {
			t.Errorf("random %v: %v, want %v", r, got, want)
		}
	}
	different := map[time.Duration]bool{}
	for range 20 {
		d := Policy{}.Pause(5)
		if d > 160*time.Millisecond || d < 128*time.Millisecond {
			t.Errorf("default pause 5: %v, want 128 to 160 ms", d)
		}
		different[d] = true
	}
	if len(different) < 2 {
		t.Error("the default policy has no jitter")
	}
}

func TestFailuresDecay(t *testing.T) {
	var f failures
	now := time.Unix(1e9, 0)
	for i := 1; i <= 5; i++ {
		if n := f.add(now, time.Minute); n != i {
			t.Errorf("failure %d counted as %d", i, n)
		}
		now = now.Add(10 * time.Second)
	}
	now = now.Add(20 * time.Second) // 70 s after the first, 30 s after the last
	if n := f.add(now, time.Minute); n != 4 {
		t.Errorf("%d within the minute, want 4", n)
	}
	if n := f.add(now.Add(time.Minute), time.Minute); n != 1 {
		t.Errorf("%d after a quiet minute, want 1", n)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	now := time.Unix(1e9, 0)
	for range 3 * maxCounted {
		f.add(now, time.Minute)
	}
	if len(f) != maxCounted {
		t.Errorf("%d failures remembered, want %d", len(f), maxCounted)
	}
}
