// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Spans of a run, in virtual time.
const (
	accepted    = time.Minute      // after which lost events are known to be lost
	settleHop   = 10 * time.Second // more for each peer: a line of many carries pages from hop to hop
	settleLimit = 5 * time.Minute  // until all peers agree after the last fault
	liveLimit   = time.Minute      // and after the last event, if there is no fault
	resting     = 2 * time.Minute  // in which nobody says anything
	look        = 2 * time.Second
)

// An Outcome is what came of a run.
type Outcome struct {
	Wrong string // what did not hold; empty if all did
	Trace []string
	Stats Stats
}

// Simulate runs one seed.
func Simulate(opt Options) Outcome {
	w := newWorld(opt)
	w.run()
	for _, x := range w.serving {
		if !x.done {
			x.done = true
			x.stop()
		}
	}
	w.stats.Links, w.stats.Steps, w.stats.Seconds = len(w.edges), w.steps, int(w.now/time.Second)
	for _, p := range w.peers {
		for _, l := range p.st.logs {
			if l.info.Ends {
				w.stats.Ended++
			}
		}
	}
	o := Outcome{Wrong: w.wrong, Stats: w.stats}
	if w.wrong != "" {
		o.Trace = w.trace.lines()
	}
	return o
}

func newWorld(opt Options) *world {
	r := func(n int) *rand.Rand { return rand.New(rand.NewPCG(opt.Seed, uint64(n))) }
	w := &world{
		opt: opt, net: r(1), plan: r(2), hostile: r(3), content: r(4), wide: r(5), moving: r(6), asking: r(7), truth: map[digest.Hash]*history{},
		byID: map[digest.Hash]*place{}, byPeer: map[identity.PeerID]*peer{}, hosts: map[string]*peer{}, evil: map[string]bool{},
	}
	for f := range w.faults {
		w.faults[f] = r(100 + f)
	}
	if w.opt.Peers == 0 {
		w.opt.Peers = drawPeers(w.plan)
	}
	if w.opt.Topics == 0 {
		w.opt.Topics = drawTopics(w.wide, w.opt.Peers)
	}
	if w.opt.MaxSteps == 0 {
		w.opt.MaxSteps = (40_000 + 1000*w.opt.Topics) * w.opt.Peers
	}
	for i := range w.opt.Peers {
		w.peers = append(w.peers, w.newPeer(i))
	}
	w.exchange = w.opt.Peers <= exchangePeers && w.wide.IntN(2) == 0 && w.opt.Control == Sound
	w.meet()
	for _, x := range topology(w.plan, w.opt.Peers) {
		g := w.link(w.plan, w.peers[x[0]], w.peers[x[1]], true)
		for _, p := range []*peer{g.a, g.b} {
			if q := g.other(p); g.keeps(p) {
				p.dials.keep[q.id] = q.host
			}
		}
	}
	w.stats.Peers, w.stats.Topics = len(w.peers), len(w.places)
	return w
}

// meet founds the topics, and makes each peer an author in them.
func (w *world) meet() {
	w.places = []*place{
		w.newPlace(0, policies[0], w.peers[0]),
		w.newPlace(1, policies[w.plan.IntN(len(policies))], w.peers[w.plan.IntN(len(w.peers))]),
	}
	for nr := 2; nr < w.opt.Topics; nr++ {
		w.places = append(w.places, w.newPlace(nr, policies[w.wide.IntN(len(policies))], w.peers[w.wide.IntN(len(w.peers))]))
	}
	for _, p := range w.peers {
		for _, t := range w.places {
			p.in[t] = true
			p.newAuthor(t, t.dataOf(p.device.AuthorID(t.genesis)))
			if t.steward == p {
				p.newAuthor(t, t.roster)
			}
		}
	}
}

// drawTopics draws how many topics there are: two, or up to a hundred that few
// peers share.
func drawTopics(r *rand.Rand, peers int) int {
	if peers > 8 {
		return 2 + r.IntN(2)
	}
	return 2 + r.IntN(1+[]int{0, 0, 6, 14, 98}[r.IntN(5)])
}

// drawPeers draws 3 to 64 peers, small numbers more often.
func drawPeers(r *rand.Rand) int {
	return 3 + r.IntN(1+[]int{5, 5, 13, 29, 61}[r.IntN(5)])
}

// link makes a way between two peers.
func (w *world) link(r *rand.Rand, a, b *peer, kept bool) *edge {
	g := &edge{
		w: w, nr: len(w.edges), a: a, b: b, kept: kept, both: r.IntN(4) == 0,
		latency: between(r, time.Millisecond, 150*time.Millisecond), rate: 50_000 << r.IntN(8), loss: 0.05 * r.Float64(),
		blocked: map[*peer]time.Duration{},
	}
	w.edges = append(w.edges, g)
	return g
}

// topology draws who is linked with whom.
func topology(r *rand.Rand, n int) (links [][2]int) {
	shape := r.IntN(5)
	for i := 1; i < n; i++ {
		switch {
		case shape == 0: // line
			links = append(links, [2]int{i - 1, i})
		case shape == 1: // ring
			links = append(links, [2]int{i - 1, i})
			if i == n-1 && n > 2 {
				links = append(links, [2]int{i, 0})
			}
		case shape == 2: // star
			links = append(links, [2]int{i, 0})
		case shape == 3 && n <= 10: // full
			for j := range i {
				links = append(links, [2]int{i, j})
			}
		default: // random, and connected
			one := r.IntN(i)
			links = append(links, [2]int{i, one})
			if two := r.IntN(i); two != one {
				links = append(links, [2]int{two, i})
			}
		}
	}
	return links
}

func (w *world) run() {
	for _, p := range w.peers {
		p.up = true
		p.write(w.plan, w.plan.IntN(20))
		if w.plan.IntN(len(w.peers)) == 0 {
			p.bulk(w.plan)
		}
		p.differ(w.wide)
	}
	w.runUntil(time.Second) // all write while nobody is connected
	for _, p := range w.peers {
		p.start(nil)
	}
	w.trouble = between(w.plan, 20*time.Second, 90*time.Second)
	w.happen(w.trouble)
	w.writes(w.trouble, 3*len(w.peers))
	w.syncs(w.asking, w.trouble)
	w.runUntil(w.now + w.trouble)
	w.heal()
	before := w.said()
	w.runUntil(w.now + accepted)
	w.accept()
	w.settle(settleLimit)
	if n, most := w.said()-before, len(w.edges)*w.budget(); n > most {
		w.fail("%d messages until all agreed, want %d at most", n, most)
	}
	w.storm(w.asking)
	w.writes(20*time.Second, 2*len(w.peers))
	w.runUntil(w.now + 20*time.Second)
	w.settle(liveLimit)
	w.rest()
}

// said is how many messages but PING, PONG and PEERS were sent by those who can agree.
func (w *world) said() int { return w.stats.Messages - w.stats.Pings - w.stats.Peered - w.astray }

// sound reports whether the last fault is so long ago that sessions should have
// noticed.
func (w *world) sound() bool { return w.calm && w.now > w.healed+accepted }

// budget is how many messages it may take on each link, on average, until all
// agree after the last fault: three times what it takes.
func (w *world) budget() int { return 100 + 10*len(w.peers) + 30*len(w.places) }

// writes makes peers append at random times.
func (w *world) writes(within time.Duration, n int) {
	for range n {
		p := w.peers[w.plan.IntN(len(w.peers))]
		w.after(between(w.plan, 0, within), func() {
			if w.plan.IntN(40) == 0 {
				p.bulk(w.plan)
			} else {
				p.write(w.plan, 1+w.plan.IntN(3))
			}
		})
	}
}

// write appends a few events of all kinds of sizes.
func (p *peer) write(r *rand.Rand, n int) {
	sizes := make([]int, n)
	for i := range sizes {
		switch sizes[i] = r.IntN(200); r.IntN(10) {
		case 0:
			sizes[i] = 1000 + r.IntN(3000)
		case 1:
			sizes[i] = 4000 + r.IntN(6000)
		}
	}
	p.authors[r.IntN(len(p.authors))].append(sizes)
}

// differ appends one event in each of the topics behind the first two.
func (p *peer) differ(r *rand.Rand) {
	for _, a := range p.authors {
		if a.at.nr > 1 && a.info.Kind == identity.KindData {
			a.append([]int{r.IntN(200)})
		}
	}
}

// bulk appends so much that it is pulled as pages.
func (p *peer) bulk(r *rand.Rand) {
	sizes := make([]int, 66+r.IntN(80))
	for i := range sizes {
		sizes[i] = 2500 + r.IntN(1400)
	}
	a := p.authors[r.IntN(len(p.authors))]
	if a.info.Kind == identity.KindRoster { // its records are short
		sizes = make([]int, 4500+r.IntN(1000))
	}
	a.append(sizes)
}

// settle runs until all agree, and fails if that takes too long.
func (w *world) settle(limit time.Duration) {
	limit += time.Duration(len(w.peers)) * settleHop
	end := w.now + limit
	for w.wrong == "" {
		missing := w.settled()
		if missing == "" {
			return
		}
		if w.now > end {
			w.fail("not settled after %v: %s", limit, missing)
			return
		}
		w.runUntil(w.now + look)
	}
}

// rest checks that peers that agree have nothing more to say. If they tell each
// other of others, some are found and greeted late.
func (w *world) rest() {
	windows := 1
	if w.exchange {
		windows = 6
	}
	for range windows {
		w.runUntil(w.now + resting)
		before, pings, links := w.said(), w.stats.Pings, len(w.edges)
		w.runUntil(w.now + resting)
		if n, most := w.stats.Pings-pings, 2*len(w.edges)*int(resting/syncer.PingEvery+1); n > most && links == len(w.edges) {
			w.fail("%d PING and PONG are sent in %v, want %d at most", n, resting, most)
		}
		if w.said() == before {
			return
		}
	}
	w.fail("all agree, and messages are sent after %v", time.Duration(2*windows)*resting)
}
