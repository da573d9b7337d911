// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// members say from which size of the roster on logs are admitted, and from which on a
// log that is not is taken as a provisional one. Others count always.
type members struct {
	admitted map[digest.Hash]uint64
	invited  map[digest.Hash]uint64
	never    bool // this node takes no provisional log,
	deaf     bool // and this one asks for none
	refused  int
}

func (w *simNode) rosterSize() uint64 {
	r, _ := w.pageTwin.Roster(twinTopic.ID())
	return r.Position.Size
}

func (w *simNode) admits(log digest.Hash) bool {
	from, named := w.admitted[log]
	return !named || w.rosterSize() >= from
}

// takes reports whether events are stored; whether a log may be is only known from its
// first record.
func (w *simNode) takes(v Verified) bool {
	id := v.Info.Log
	return w.admits(id) || w.logs[id] != nil || v.First == 0 && !w.never && w.rosterSize() >= w.invited[id]
}

// Log implements Store.
func (w *simNode) Log(id digest.Hash) (LogInfo, bool, error) {
	l, found, err := w.pageTwin.Log(id)
	l.Provisional = found && !w.admits(id)
	return l, found, err
}

// Logs implements Store.
func (w *simNode) Logs(topic digest.Hash, yield func(LogInfo) bool) error {
	return w.pageTwin.Logs(topic, func(l LogInfo) bool { return !w.admits(l.Log) || yield(l) })
}

// Provisional implements Newcomers.
func (w *simNode) Provisional(topic digest.Hash, yield func(LogInfo) bool) error {
	return w.pageTwin.Logs(topic, func(l LogInfo) bool {
		l.Provisional = !w.admits(l.Log)
		return !l.Provisional || yield(l)
	})
}

// Summary implements Store.
func (w *simNode) Summary(topic digest.Hash) (digest.Set, error) {
	if len(w.admitted) == 0 {
		return w.pageTwin.Summary(topic)
	}
	var s digest.Multiset
	err := w.Logs(topic, func(l LogInfo) bool {
		if l.Frozen {
			l.Root = digest.Empty
		}
		s.Add(l.Log, l.Size, l.Root)
		return true
	})
	return s.Set(), err
}

// Counts implements Store.
func (w *simNode) Counts(n identity.LogName) (bool, error) { return w.admits(n.ID()), nil }

// Awaits implements Newcomers.
func (w *simNode) Awaits(n identity.LogName) (bool, error) {
	return n.Kind == identity.KindData && !w.deaf, nil
}

// newcomers makes nodes of which one has a log that is invited and admitted from some
// sizes of the roster on.
func newcomers(t *testing.T, seed uint64, nodes int, invited, admitted uint64) (*simNet, *pageLog) {
	n := newSimNet(t, seed, nodes)
	l := n.nodes[0].own(1)
	for _, w := range n.nodes {
		w.admitted, w.invited = map[digest.Hash]uint64{l.info.Log: admitted}, map[digest.Hash]uint64{l.info.Log: invited}
	}
	return n, l
}

// rests runs until all agree, and what was held back for a tick is told too.
func (n *simNet) rests() {
	n.t.Helper()
	for range 5 {
		n.settle()
		for _, e := range n.ends {
			if e.tick {
				e.tick, e.in = false, append(e.in, Tick{n.now})
			}
		}
	}
	for n.step() {
	}
	n.settle()
}

// holds checks how much a node has of a log, and whether it is provisional there.
func (w *simNode) holds(t *testing.T, l *pageLog, size int, provisional bool) {
	t.Helper()
	got, _, _ := w.Log(l.info.Log)
	if got.Size != uint64(size) || got.Provisional != provisional {
		t.Errorf("%d events, provisional %v, want %d, %v", got.Size, got.Provisional, size, provisional)
	}
}

// A provisional log is passed along, and what is added to it, while all that counts
// is the same without it; it is in the digest of all once the roster admits it.
func TestProvisionalLogsArePassedOn(t *testing.T) {
	for seed := range uint64(30) {
		n, l := newcomers(t, seed, 3, 2, 4)
		n.records(n.nodes[seed%3], 0, 0, 2)
		n.write(1, "data")
		l.write(20, "join")
		n.link(n.nodes[0], n.nodes[1])
		n.link(n.nodes[1], n.nodes[2])
		if seed%3 == 0 {
			n.fail = 0.2
		}
		n.rests()
		n.fail = 0
		for i := range 3 {
			l.write(20, fmt.Sprint("event ", i))
			n.nodes[0].wrote(l)
			if i == 1 && seed%2 == 0 {
				n.cutAll()
			}
			n.rests()
		}
		n.rests()
		for _, w := range n.nodes {
			w.holds(t, l, 4, true)
			if set, _ := w.Summary(twinTopic.ID()); set.Count != 1 {
				t.Errorf("the digest is of %d logs", set.Count)
			}
		}
		n.records(n.nodes[seed%3], 0, 0, 2)
		n.rests()
		for _, w := range n.nodes {
			w.holds(t, l, 4, false)
			if set, _ := w.Summary(twinTopic.ID()); set.Count != 2 {
				t.Errorf("the digest is of %d logs", set.Count)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A log of many pages is pushed as long as it is provisional.
func TestALongProvisionalLog(t *testing.T) {
	n, l := newcomers(t, 1, 2, 1, 9)
	n.records(n.nodes[1], 0, 0, 1)
	for range 100 {
		l.write(3000, "event")
	}
	n.link(n.nodes[0], n.nodes[1])
	n.rests()
	n.nodes[1].holds(t, l, 100, true)
	if n.pulls > 0 {
		t.Errorf("%d pulls", n.pulls)
	}
}

// A side that refuses a log is not asked to take it again until its roster says more,
// and nobody is blamed: who agreed before agrees without it.
func TestARefusedNewcomer(t *testing.T) {
	n, l := newcomers(t, 1, 3, 0, 6)
	n.nodes[1].invited[l.info.Log] = 4
	n.nodes[2].never = true
	n.records(n.nodes[1], 0, 0, 2)
	n.write(1, "data")
	l.write(20, "join")
	n.link(n.nodes[0], n.nodes[1])
	n.link(n.nodes[0], n.nodes[2])
	n.rests()
	refused := [3]int{0, n.nodes[1].refused, n.nodes[2].refused}
	for i := range 5 {
		l.write(20, fmt.Sprint("event ", i))
		n.nodes[0].wrote(l)
		n.rests()
		for range 2 { // whatever is forgotten when both agree
			n.write(1, "data")
			n.rests()
		}
	}
	grafts := n.grafts
	for _, e := range n.ends {
		if e.node == n.nodes[0] {
			e.in = append(e.in, Prune{twinTopic.ID()})
		}
	}
	l.write(20, "that a lazy link tells of")
	n.nodes[0].wrote(l)
	if n.rests(); n.grafts != grafts {
		t.Errorf("a log that is refused is asked for")
	}
	for i, w := range n.nodes[1:] {
		w.holds(t, l, 0, false)
		if w.refused == 0 || w.refused != refused[i+1] {
			t.Errorf("it is refused %d times, and was %d", w.refused, refused[i+1])
		}
	}
	n.records(n.nodes[1], 0, 0, 2) // now it is invited
	n.rests()
	n.nodes[1].holds(t, l, 7, true)
	n.nodes[2].holds(t, l, 0, false)
	n.records(n.nodes[1], 0, 0, 2) // and admitted
	n.rests()
	for _, w := range n.nodes {
		w.holds(t, l, 7, false)
	}
}

// A side at which the log is admitted already brings it to one that hears of that
// later, whatever of the log either has.
func TestANewcomerThatIsAdmittedElsewhere(t *testing.T) {
	for seed := range uint64(20) {
		n, l := newcomers(t, seed, 3, 1, 3)
		n.records(n.nodes[1], 0, 0, 2)
		l.write(20, "join")
		n.link(n.nodes[0], n.nodes[1])
		n.rests()
		n.ends = nil
		for _, w := range n.nodes {
			w.ends = nil
		}
		n.records(n.nodes[1], 0, 0, 1)
		n.nodes[1].holds(t, l, 1, false)
		for i := range 1 + 100*int(seed%2) {
			l.write(3000, fmt.Sprint("event ", i))
		}
		if seed%3 == 0 {
			n.nodes[2].follows = Follows{l.info.Log: true}
		}
		n.link(n.nodes[2], n.nodes[0])
		n.link(n.nodes[1], n.nodes[2])
		n.rests()
		for _, w := range n.nodes {
			w.holds(t, l, len(l.Leaves), false)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// What is added to a provisional log while both sides find out what differs comes too.
func TestANewcomerThatGrowsMeanwhile(t *testing.T) {
	hit := 0
	for seed := range uint64(60) {
		n, l := newcomers(t, seed, 2, 1, 9)
		for _, w := range n.nodes { // so that nothing is stated twice
			n.records(w, 0, 0, 2)
		}
		n.write(1, "data")
		n.nodes[0].own(9).write(20, "data")
		n.first = func(int) messages.Rung { return messages.RungCursor + messages.Rung(seed%3) }
		l.write(20, "join")
		n.link(n.nodes[0], n.nodes[1])
		for n.step() {
			at, got := n.ends[0].s.byID[twinTopic.ID()], n.nodes[1].logs[l.info.Log]
			if got != nil && at.peaked && !at.known {
				hit++
				break
			}
		}
		l.write(20, "event")
		n.nodes[0].wrote(l)
		in := n.ends[0].in // before what waits to be heard
		n.ends[0].in = append([]Input{in[len(in)-1]}, in[:len(in)-1]...)
		n.rests()
		if n.nodes[1].holds(t, l, 2, true); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if hit == 0 {
		t.Error("no log came while it was not known what differs")
	}
}

// That both sides agree says nothing of what a lazy link did not tell yet of a
// provisional log.
func TestALazyLinkTellsOfNewcomers(t *testing.T) {
	n, l := newcomers(t, 1, 2, 1, 9)
	n.records(n.nodes[1], 0, 0, 1)
	l.write(20, "join")
	n.link(n.nodes[0], n.nodes[1])
	n.rests()
	n.write(1, "data")
	for n.step() {
	}
	n.ends[0].in = append(n.ends[0].in, Prune{twinTopic.ID()})
	for n.step() {
	}
	l.write(20, "event")
	n.nodes[0].wrote(l)
	for n.step() {
	}
	n.ends[1].in = append(n.ends[1].in, Tick{n.now})
	for n.step() {
	}
	if !n.ends[0].agreed || n.nodes[1].logs[l.info.Log].state().Size != 1 {
		t.Fatalf("they agree: %v, before the tick", n.ends[0].agreed)
	}
	n.rests()
	n.nodes[1].holds(t, l, 2, true)
}

// A session of a part counts a log from when the roster admits it, without waiting for
// a tick; provisional ones are stated right after PEAKS.
func TestANewcomerInAScope(t *testing.T) {
	n, l := newcomers(t, 1, 2, 1, 3)
	n.nodes[1].follows = Follows{l.info.Log: true}
	n.records(n.nodes[1], 0, 0, 2)
	l.write(20, "join")
	n.link(n.nodes[0], n.nodes[1])
	for at := n.ends[0].s; (at.byID[twinTopic.ID()] == nil || !at.byID[twinTopic.ID()].peaked) && n.step(); {
	}
	if n.bodies["part"] == 0 {
		t.Error("nothing is said of the log when PEAKS came")
	}
	n.rests()
	for _, want := range []uint64{0, 1} {
		for _, e := range n.ends {
			if set, err := e.s.byID[twinTopic.ID()].scope.Summary(twinTopic.ID()); err != nil || set.Count != want {
				t.Errorf("%d logs in the scope, want %d (%v)", set.Count, want, err)
			}
		}
		n.nodes[1].holds(t, l, 1, want == 0)
		n.records(n.nodes[1], 0, 0, 1)
		for n.step() { // no tick
		}
	}
}

// A log that the peer passed over without a word enters the scope once it counts.
func TestAScopeOfANewcomerNobodyAskedFor(t *testing.T) {
	n, l := newcomers(t, 1, 2, 1, 3)
	n.nodes[1].follows, n.nodes[1].deaf = Follows{l.info.Log: true}, true
	n.records(n.nodes[1], 0, 0, 2)
	l.write(20, "join")
	n.link(n.nodes[0], n.nodes[1])
	n.rests()
	n.nodes[1].holds(t, l, 0, false)
	n.records(n.nodes[1], 0, 0, 1)
	n.rests()
	n.nodes[1].holds(t, l, 1, false)
}
