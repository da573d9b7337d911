// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"math/rand/v2"
	"time"
)

// A Policy says how the children of a group are restarted. The zero Policy
// means the defaults.
type Policy struct {
	Base        time.Duration // pause before the first restart; default 10 ms
	Cap         time.Duration // longest pause; default 5 s
	Jitter      float64       // part of a pause that is random, 0 to 1; default 0.2
	Window      time.Duration // for how long a failure counts; default 1 min
	MaxRestarts int           // failures within Window answered by a restart; default 10, 1000 and more mean no limit

	// For tests. Groups that share a Policy call these at the same time.
	Rand      func() float64                                 // 0 to 1; default: math/rand
	Now       func() time.Time                               // default: time.Now
	AfterFunc func(time.Duration, func()) (stop func() bool) // default: time.AfterFunc
}

// maxCounted is the number of failures remembered of a child.
const maxCounted = 1000

func (p Policy) withDefaults() Policy {
	setDefault(&p.Base, 10*time.Millisecond)
	setDefault(&p.Cap, 5*time.Second)
	setDefault(&p.Jitter, 0.2)
	setDefault(&p.Window, time.Minute)
	setDefault(&p.MaxRestarts, 10)
	p.Jitter = min(p.Jitter, 1)
	if p.Rand == nil {
		p.Rand = rand.Float64
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.AfterFunc == nil {
		p.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	return p
}

func setDefault[T int | float64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Pause returns how long to wait before restart n, counted from 1: Base
// doubled n-1 times, at most Cap, less a random part of it.
func (p Policy) Pause(n int) time.Duration {
	p = p.withDefaults()
	d := min(p.Base, p.Cap)
	for ; n > 1 && d < p.Cap; n-- {
		if d > p.Cap/2 {
			d = p.Cap
		} else {
			d *= 2
		}
	}
	return d - time.Duration(p.Jitter*p.Rand()*float64(d))
}

// failures are the times at which a child failed, oldest first.
type failures []time.Time

// add counts a failure at now and returns how many there were within window.
func (f *failures) add(now time.Time, window time.Duration) int {
	keep := *f
	for len(keep) > 0 && (now.Sub(keep[0]) >= window || len(keep) >= maxCounted) {
		keep = keep[1:]
	}
	*f = append(keep, now)
	return len(*f)
}
