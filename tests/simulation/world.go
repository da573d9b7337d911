// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A world is peers and what is between them. One event happens at a time, in
// the order of virtual time; everything follows from the seed.
type world struct {
	opt   Options
	now   time.Duration
	queue events
	made  uint64 // events ever queued
	steps int

	net    *rand.Rand // of delays
	plan   *rand.Rand // of who writes what and when
	faults [allFaults]*rand.Rand

	wide    *rand.Rand // of how many topics there are, and who exchanges addresses
	moving  *rand.Rand // of addresses
	asking  *rand.Rand // of syncs
	hostile *rand.Rand // of which records break a rule
	content *rand.Rand // of what is in records

	places []*place
	byID   map[digest.Hash]*place
	peers  []*peer
	byPeer map[identity.PeerID]*peer
	edges  []*edge

	exchange bool             // peers tell each other where they and others are
	hosts    map[string]*peer // who is at an address now,
	evil     map[string]bool  // and where somebody else answers
	addrs    int              // ever used

	conns   int
	calm    bool          // no more faults,
	healed  time.Duration // since then
	trouble time.Duration

	truth   map[digest.Hash]*history // what the authors appended,
	order   []digest.Hash            // in the order in which the logs were thought of
	bad     []*author                // of logs that break a rule
	trace   trace
	serving []*stream // that answer, for faults and to be stopped
	wrong   string    // what the oracle saw first
	astray  int       // messages of those who cannot agree
	stats   Stats
}

// place returns a topic.
func (w *world) place(id digest.Hash) *place { return w.byID[id] }

// An event happens at a time; of two at one time, the one that was queued first.
type happening struct {
	at time.Duration
	nr uint64
	do func()
}

type events []happening

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].nr < e[j].nr
}
func (e *events) Push(x any) { *e = append(*e, x.(happening)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last], *e = happening{}, (*e)[:last]
	return x
}

// after makes something happen.
func (w *world) after(d time.Duration, do func()) {
	w.made++
	heap.Push(&w.queue, happening{at: w.now + max(d, 0), nr: w.made, do: do})
}

// runUntil lets everything happen up to a time, unless something is wrong.
func (w *world) runUntil(end time.Duration) {
	for w.wrong == "" && len(w.queue) > 0 && w.queue[0].at <= end {
		if w.steps++; w.steps > w.opt.MaxSteps {
			w.fail("more than %d steps: somebody never rests", w.opt.MaxSteps)
			return
		}
		h := heap.Pop(&w.queue).(happening)
		w.now = h.at
		h.do()
	}
	w.now = max(w.now, end)
}

// fail takes note of the first promise that does not hold.
func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf("step %d, %v: ", w.steps, w.now) + fmt.Sprintf(format, args...)
	}
}

// between draws a duration.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}

// traced is how many of the last steps are shown after a failure.
const traced = 200

// A trace is the last things that happened. They are put into words only when
// somebody asks.
type trace struct {
	ring [traced]traceLine
	n    int
}

type traceLine struct {
	step int
	at   time.Duration
	what string
	args []any
}

func (w *world) note(what string, args ...any) {
	w.trace.ring[w.trace.n%traced] = traceLine{w.steps, w.now, what, args}
	w.trace.n++
	if w.opt.Watch != nil {
		fmt.Fprintln(w.opt.Watch, w.trace.ring[(w.trace.n-1)%traced])
	}
}

func (l traceLine) String() string {
	return fmt.Sprintf("%7d %12v  ", l.step, l.at) + fmt.Sprintf(l.what, l.args...)
}

// lines returns the trace in words.
func (t *trace) lines() (all []string) {
	for i := max(0, t.n-traced); i < t.n; i++ {
		all = append(all, t.ring[i%traced].String())
	}
	return all
}
