// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// A shelf is a store of nothing but sizes, for finding out what differs.
type shelf struct {
	sizes map[digest.Hash]uint64
	was   map[digest.Hash]uint64 // what was agreed on; nil is forgotten

	set, wasSet digest.Set // of them, once somebody asked
}

func (w *shelf) info(id digest.Hash) LogInfo {
	size := w.sizes[id]
	root := digest.Tagged("root", id[:], binary.LittleEndian.AppendUint64(nil, size))
	l := LogInfo{Log: id, Topic: twinTopic.ID(), PageBytes: twinPage, Size: size, Root: root}
	l.Head.Log, l.Head.Size, l.Head.Root = id, size, root
	return l
}

func setOf(sizes map[digest.Hash]uint64) digest.Set {
	var m digest.Multiset
	for id := range sizes {
		l := (&shelf{sizes: sizes}).info(id)
		m.Add(l.Log, l.Size, l.Root)
	}
	return m.Set()
}

func (w *shelf) Summary(digest.Hash) (digest.Set, error) {
	if w.set == (digest.Set{}) {
		w.set = setOf(w.sizes)
	}
	return w.set, nil
}

func (w *shelf) Logs(_ digest.Hash, yield func(LogInfo) bool) error {
	for id := range w.sizes {
		if !yield(w.info(id)) {
			break
		}
	}
	return nil
}

func (w *shelf) Log(id digest.Hash) (LogInfo, bool, error) {
	_, found := w.sizes[id]
	return w.info(id), found, nil
}

func (w *shelf) Time(digest.Hash, uint64) (int64, error) { return 0, nil }

func (w *shelf) PeaksAt(digest.Hash, uint64) (mmrindex.Peaks, error) {
	return mmrindex.Peaks{}, errors.New("a shelf has no events")
}

func (w *shelf) Roster(digest.Hash) (Roster, error)                  { return Roster{}, nil }
func (w *shelf) Position(digest.Hash) (p identity.Position, _ error) { return p, nil }

func (w *shelf) Met(identity.PeerID, digest.Hash) bool { return w.was != nil }

func (w *shelf) Remembered(identity.PeerID, digest.Hash) (digest.Set, bool) {
	if w.was != nil && w.wasSet == (digest.Set{}) {
		w.wasSet = setOf(w.was)
	}
	return w.wasSet, w.was != nil
}

func (w *shelf) Changes(_ digest.Hash, since digest.Set) (all []Change, known bool, err error) {
	if set, found := w.Remembered(identity.PeerID{}, digest.Hash{}); !found || set != since {
		return nil, false, nil
	}
	for id, size := range w.sizes {
		if size != w.was[id] {
			all = append(all, Change{id, w.was[id]})
		}
	}
	return all, true, nil
}

// find lets two shelves talk until both are silent, and returns what either
// would push, from where on, and which kinds of DIFF were said.
func find(t *testing.T, a, b *shelf, first messages.Rung) (pushed [2]map[digest.Hash]uint64, said map[string]int) {
	t.Helper()
	return findIn(t, a, b, first, func(int, Output) {})
}

type remembering interface {
	Store
	History
}

func findIn(t *testing.T, a, b remembering, first messages.Rung, other func(int, Output)) (pushed [2]map[digest.Hash]uint64, said map[string]int) {
	t.Helper()
	said = map[string]int{}
	var ends [2]*Session
	var in [2][]messages.Message
	for i, w := range []remembering{a, b} {
		s := New(Config{
			Dialer: i == 0, Self: PeerOf(identity.Seed{byte(1 + i)}), Peer: PeerOf(identity.Seed{byte(2 - i)}), Binding: []byte("b"),
			Topics: TopicsOf(twinTopic), Store: w, History: w, First: first,
		})
		ends[i], pushed[i] = s, map[digest.Hash]uint64{}
	}
	step := func(i int, what Input) {
		for _, o := range ends[i].Step(what) {
			switch o := o.(type) {
			case Send:
				frame, err := messages.AppendFrame(nil, o.Message)
				if err != nil {
					t.Fatal(err)
				}
				m, err := messages.Decode(frame[4:])
				if err != nil {
					t.Fatal(err)
				}
				if d, ok := m.(*messages.Diff); ok {
					said[saying(d)]++
				}
				in[1-i] = append(in[1-i], m)
			case Push:
				pushed[i][o.Log] = o.From
			case Fail:
				t.Fatalf("side %d fails: %s: %s", i, o.Code, o.Text)
			default:
				other(i, o)
			}
		}
	}
	step(0, Start{})
	step(1, Start{})
	for len(in[0])+len(in[1]) > 0 {
		for i := range in {
			if len(in[i]) > 0 {
				m := in[i][0]
				in[i] = in[i][1:]
				step(i, Received{m})
			}
		}
	}
	return pushed, said
}

// behind is what the one is to push to the other: found by comparing all.
func behind(from, to *shelf) map[digest.Hash]uint64 {
	out := map[digest.Hash]uint64{}
	for id, size := range from.sizes {
		if to.sizes[id] < size {
			out[id] = to.sizes[id]
		}
	}
	return out
}

// shelves returns two that had n logs in common, of which d changed since on
// one side or both, some of them new.
func shelves(r *rand.Rand, n, d int) (a, b *shelf) {
	was := map[digest.Hash]uint64{}
	var ids []digest.Hash
	for i := range n {
		id := digest.Sum(binary.LittleEndian.AppendUint64(nil, r.Uint64()+uint64(i)))
		ids = append(ids, id)
		was[id] = 1 + r.Uint64N(1<<uint(1+r.IntN(24)))
	}
	a, b = &shelf{sizes: maps.Clone(was), was: was}, &shelf{sizes: maps.Clone(was), was: was}
	for range d {
		id := digest.Sum(binary.LittleEndian.AppendUint64(nil, r.Uint64()))
		if r.IntN(4) > 0 && n > 0 {
			id = ids[r.IntN(n)]
		}
		for i, w := range []*shelf{a, b} {
			if r.IntN(3) == i || r.IntN(8) == 0 {
				w.sizes[id] += 1 + r.Uint64N(1<<uint(1+r.IntN(15)))
			}
		}
	}
	return a, b
}

// Each rung by itself finds what comparing all logs finds: which logs differ,
// who is ahead, and from where.
func TestRungsAgainstTheObvious(t *testing.T) {
	for first, want := range map[messages.Rung]string{
		messages.RungCursor: "Cursor", messages.RungSketch: "Symbols", messages.RungFrontier: "Items",
	} {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 3))
			a, b := shelves(r, r.IntN(200), r.IntN(1+int(seed)*10))
			pushed, said := find(t, a, b, first)
			if !maps.Equal(pushed[0], behind(a, b)) || !maps.Equal(pushed[1], behind(b, a)) {
				t.Fatalf("rung %d seed %d: pushes %d and %d logs, want %d and %d", first, seed,
					len(pushed[0]), len(pushed[1]), len(behind(a, b)), len(behind(b, a)))
			}
			if differ := len(behind(a, b))+len(behind(b, a)) > 0; differ != (said[want] > 0) {
				t.Fatalf("rung %d seed %d: %v were said", first, seed, said)
			}
			if said["list"] > 0 || said["part"] > 0 {
				t.Fatalf("rung %d seed %d: whole log states were sent: %v", first, seed, said)
			}
		}
	}
}

// A difference that is too large for the first symbols takes more of them; one
// that is too large for a sketch at all takes the list, in the same round.
func TestSketchGoesOn(t *testing.T) {
	for _, c := range []struct {
		n, d int
		want string
	}{{4000, 500, "Ask"}, {2000, 1900, "Next"}} {
		a, b := shelves(rand.New(rand.NewPCG(1, 4)), c.n, c.d)
		a.was, b.was = nil, nil
		pushed, said := find(t, a, b, 0)
		if !maps.Equal(pushed[0], behind(a, b)) || !maps.Equal(pushed[1], behind(b, a)) {
			t.Errorf("%d of %d: other pushes than the obvious", c.d, c.n)
		}
		if said[c.want] == 0 || said["Symbols"] == 0 || said["list"] > 0 {
			t.Errorf("%d of %d: %v were said, want %s", c.d, c.n, said, c.want)
		}
	}
}

// A past that one side remembers and the other does not is refused, and the next rung
// finds the same.
func TestCursorRefused(t *testing.T) {
	other := map[digest.Hash]uint64{{1}: 5}
	for name, forget := range map[string]func(a, b *shelf){
		"the dialer forgot":   func(a, _ *shelf) { a.was = nil },
		"the listener forgot": func(_, b *shelf) { b.was = nil },
		"both forgot":         func(a, b *shelf) { a.was, b.was = nil, nil },
		"of another state":    func(_, b *shelf) { b.was = other },
		"of two other states": func(a, b *shelf) { a.was, b.was = map[digest.Hash]uint64{{2}: 5}, other },
	} {
		a, b := shelves(rand.New(rand.NewPCG(1, 5)), 1200, 40)
		forget(a, b)
		pushed, said := find(t, a, b, 0)
		if !maps.Equal(pushed[0], behind(a, b)) || !maps.Equal(pushed[1], behind(b, a)) {
			t.Errorf("%s: other pushes than the obvious, after %v", name, said)
		}
		if said["Symbols"] == 0 {
			t.Errorf("%s: %v were said, want a sketch", name, said)
		}
	}
}

// Two histories of one log at one size differ in their items too: each side is
// shown the other's head and reports the fork.
func TestRungsFindForks(t *testing.T) {
	for _, first := range []messages.Rung{messages.RungSketch, messages.RungFrontier} {
		n := newSimNet(t, 1, 2)
		for i, node := range n.nodes {
			l := node.own(9)
			for j := range 7 {
				l.add(twinRecord(60, fmt.Sprint("history ", i, j)))
			}
			l.SignAll()
			node.own(byte(20+i)).write(30, "another log")
		}
		var forks [2]int
		pushed, said := findIn(t, n.nodes[0], n.nodes[1], first, func(i int, o Output) {
			if _, ok := o.(Fork); ok {
				forks[i]++
			}
		})
		if forks != [2]int{1, 1} || len(pushed[0]) != 1 || len(pushed[1]) != 1 {
			t.Errorf("rung %d: %v forks, %d and %d logs pushed, after %v", first, forks, len(pushed[0]), len(pushed[1]), said)
		}
	}
}

// Of a log with many pages, a few events are pushed at once, and many pages
// are pulled by the side that knows which it has.
func TestRungsAndPages(t *testing.T) {
	for _, first := range []messages.Rung{messages.RungSketch, messages.RungFrontier} {
		for missing, want := range map[int]string{3: "push", 390: "pull"} {
			n := newSimNet(t, 1, 2)
			l, copied := n.nodes[0].own(9), n.nodes[1].own(9)
			for j := range 400 {
				record := twinRecord(1500, fmt.Sprint(j))
				if l.add(record); j < 400-missing {
					copied.add(record)
				}
			}
			l.SignAll()
			copied.SignAll()
			copied.info.Own = false
			pulls := 0
			pushed, said := findIn(t, n.nodes[0], n.nodes[1], first, func(i int, o Output) {
				if _, ok := o.(Pull); ok && i == 1 {
					pulls++
				}
			})
			if want == "pull" && (pulls != 1 || len(pushed[0]) > 0) || want == "push" && (pulls > 0 || pushed[0][l.info.Log] != uint64(400-missing) || said["part"] > 0) {
				t.Errorf("rung %d, %d events behind: %d pulls, pushed %v, after %v, want a %s", first, missing, pulls, pushed[0], said, want)
			}
		}
	}
}

// The sizes in items are those that are nearest to what is known.
func TestSizeOf(t *testing.T) {
	salt := sketch.Salt{7}
	for range 10_000 {
		near := rand.Uint64N(1 << uint(1+rand.IntN(40)))
		size := max(near, 1<<18) - 1<<18 + rand.Uint64N(1<<18)
		item := itemOf(salt, 99, size, digest.Hash{1})
		if got := sizeOf(item, near); got != size || shortOf(item) != 99 {
			t.Fatalf("size %d near %d is read as %d of log %d", size, near, got, shortOf(item))
		}
	}
}

// A liar changes what it says in the rungs, always: sizes, logs, symbols. It
// costs rounds; every event arrives.
func TestLiesCostRounds(t *testing.T) {
	for seed := range uint64(24) {
		n := newSimNet(t, seed, 2)
		for i, node := range n.nodes {
			n.writeSome(node, i, 20+n.r.IntN(20))
		}
		n.first = func(int) messages.Rung { return messages.Rung(1 + seed%3) }
		n.lie = func(b messages.Body) { lie(n.r, b) }
		n.link(n.nodes[0], n.nodes[1])
		n.settle()
		n.sameEverywhere()
		n.writeSome(n.nodes[0], 0, 5)
		n.cutAll()
		n.settle()
		n.sameEverywhere()
	}
}

func lie(r *rand.Rand, b messages.Body) {
	states := func(logs []messages.ShortState) []messages.ShortState {
		for i := range logs {
			logs[i].Size = r.Uint64N(60)
		}
		if len(logs) > 0 && r.IntN(2) == 0 {
			logs = logs[:len(logs)-1]
		}
		return append(logs, messages.ShortState{ID: messages.MaxShortID - r.Uint64N(9), Size: 3})
	}
	switch b := b.(type) {
	case *messages.CursorBody:
		b.Logs = states(b.Logs)
	case *messages.AnswerBody:
		b.Logs = states(b.Logs)
	case *messages.ItemsBody:
		for i := range b.Items {
			b.Items[i] ^= uint64(r.IntN(1 << 10))
		}
		b.Items = b.Items[:len(b.Items)-r.IntN(2)*min(1, len(b.Items))]
	case *messages.SymbolsBody:
		if len(b.Symbols) > 0 {
			b.Symbols[r.IntN(len(b.Symbols))].Item ^= uint64(r.IntN(4))
		}
	}
}

func bodyOf(rung messages.Rung, number uint64, more bool, b messages.Body) *messages.Diff {
	return &messages.Diff{Rung: rung, More: more, Body: messages.EncodeBody(number, b)}
}

func TestHostileRounds(t *testing.T) {
	many := make([]uint64, 100)
	var strange []messages.ShortState
	for i := range many {
		many[i] = uint64(i+1) << 30
		strange = append(strange, messages.ShortState{ID: uint64(i), Size: 1})
	}
	symbols := func(first uint64) *messages.SymbolsBody {
		return &messages.SymbolsBody{Items: 50, First: first, Symbols: make([]sketch.Symbol, 10)}
	}
	var rounds []messages.Message
	for i := range uint64(roundsAtOnce + 1) {
		rounds = append(rounds, bodyOf(3, i+1, true, &messages.ItemsBody{}))
	}
	var wakes []messages.Message
	for i := range uint64(roundsAtOnce + 1) {
		wakes = append(wakes, bodyOf(2, 0, false, &messages.AskBody{}), bodyOf(3, i+1, false, &messages.AnswerBody{}))
	}
	for name, c := range map[string]struct {
		want messages.Code
		msgs []messages.Message
	}{
		"two salts": {messages.CodeMalformed, []messages.Message{
			bodyOf(3, 1, true, &messages.ItemsBody{}), bodyOf(3, 1, true, &messages.ItemsBody{Salt: sketch.Salt{1}}),
		}},
		"items again": {messages.CodeMalformed, []messages.Message{
			bodyOf(3, 1, true, &messages.ItemsBody{Items: many[:3]}), bodyOf(3, 1, false, &messages.ItemsBody{Items: many[2:4]}),
		}},
		"too many items":         {messages.CodeLimit, []messages.Message{bodyOf(3, 1, true, &messages.ItemsBody{Items: many})}},
		"too many logs changed":  {messages.CodeLimit, []messages.Message{&messages.Peaks{}, bodyOf(1, 2, true, &messages.CursorBody{Logs: strange})}},
		"a cursor too early":     {messages.CodeUnexpectedMessage, []messages.Message{bodyOf(1, 0, false, &messages.CursorBody{})}},
		"symbols from somewhere": {messages.CodeBadRange, []messages.Message{bodyOf(2, 1, false, symbols(3))}},
		"rounds without end":     {messages.CodeLimit, rounds},
		"asking without end":     {messages.CodeLimit, wakes},
		"a body cut off":         {messages.CodeMalformed, []messages.Message{&messages.Diff{Rung: 3, Body: []byte{3, 1, 0}}}},
	} {
		v := newVictim(t, newPageTwin(1), Limits{MaxLogs: 50})
		v.st.own(1).write(10, "ours")
		got, _ := v.hears(t, c.msgs...)
		if got == nil || got.Code != c.want {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
	}
}

// A DIFF that does not belong to a round under way is passed over, and symbols that
// cannot be lead to the next rung.
func TestStrayBodies(t *testing.T) {
	st := newPageTwin(1)
	st.own(1).write(10, "ours")
	v := newVictim(t, st, Limits{})
	got, outs := v.hears(t,
		bodyOf(3, 5, false, &messages.AnswerBody{Logs: []messages.ShortState{{ID: 1, Size: 9}}}),
		bodyOf(2, 5, false, &messages.NextBody{}), bodyOf(2, 5, false, &messages.AskBody{Symbols: 5}))
	if got != nil || len(diffs(outs)) > 0 {
		t.Fatalf("%v %v: an answer to nothing is answered", got, outs)
	}
	var noise []sketch.Symbol
	salt := sketch.Salt{3}
	e := sketch.NewEncoder(salt, []uint64{1, 2, 3})
	noise = append(noise, e.Next(1)...)
	for range 20 {
		noise = append(noise, noise[0]) // nothing of it is ever pure
	}
	got, outs = v.hears(t, bodyOf(2, 7, false, &messages.SymbolsBody{Salt: salt, Items: 3, Symbols: noise}))
	if said := diffs(outs); got != nil || len(said) != 1 || saying(said[0]) != "Next" {
		t.Fatalf("%v %v, want the next rung", got, outs)
	}
	if got, outs = v.hears(t, bodyOf(2, 7, false, &messages.SymbolsBody{Salt: salt, Items: 3, First: 21, Symbols: noise})); got != nil || len(diffs(outs)) > 0 {
		t.Errorf("%v %v: symbols after the next rung was asked for", got, outs)
	}
	got, outs = v.hears(t, bodyOf(3, 7, false, &messages.ItemsBody{Salt: salt}))
	if said := diffs(outs); got != nil || len(said) != 1 || saying(said[0]) != "Answer" {
		t.Errorf("%v %v, want an answer", got, outs)
	}
}

func diffs(outs []Output) (all []*messages.Diff) {
	for _, o := range outs {
		if s, ok := o.(Send); ok {
			if d, ok := s.Message.(*messages.Diff); ok {
				all = append(all, d)
			}
		}
	}
	return all
}

// Logs that are announced and never come do not hold a topic up for ever, nor
// does a leader that says nothing.
func TestSilentPeerIsAskedAgain(t *testing.T) {
	for name, msgs := range map[string][]messages.Message{
		"nothing after PEAKS": {&messages.Peaks{Logs: 0}},
		"half of a list":      {&messages.Peaks{}, bodyOf(3, 1, true, &messages.ItemsBody{})},
		"logs that never come": {
			&messages.Peaks{}, bodyOf(3, 1, false, &messages.ItemsBody{Items: []uint64{1<<24 | 5<<4, 2<<24 | 6<<4}}),
		},
	} {
		st := newPageTwin(1)
		st.own(1).write(10, "ours")
		v := newVictim(t, st, Limits{})
		if got, _ := v.hears(t, msgs...); got != nil {
			t.Fatal(name, got)
		}
		var outs []Output
		for i := range 60 {
			outs = append(outs, v.Step(Tick{time.Unix(int64(i), 0)})...)
		}
		lists := 0
		for _, d := range diffs(outs) {
			if saying(d) != "part" {
				lists++
			}
		}
		if lists == 0 || lists > 6 {
			t.Errorf("%s: asked %d times in a minute, want some", name, lists)
		}
	}
}

func (*shelf) Counts(identity.LogName) (bool, error) { return true, nil }

// The word of a round may have crossed events that are on their way: they are pushed again
// only if the next one says the same.
func TestWhatIsOnItsWayIsNotRepeated(t *testing.T) {
	s, topic := New(Config{}), &topic{}
	own := LogInfo{Log: digest.Sum([]byte("a log")), Size: 10}
	r := &remote{id: own.Log, size: 4}
	s.offer(topic, r, own, false)
	s.out = nil
	for i, want := range [][]Output{nil, {Push{Log: own.Log, From: 7, To: 10}}, nil} {
		s.claimed(topic, r, own, 7, false)
		if fmt.Sprint(s.out) != fmt.Sprint(want) {
			t.Errorf("round %d: %v, want %v", i, s.out, want)
		}
		s.out = nil
	}
}
