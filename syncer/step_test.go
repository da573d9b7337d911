// SPDX-License-Identifier: MPL-2.0

package syncer_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

var topicKey = syncer.TestTopic(42)

// A twin is a store that keeps records in slices and computes everything anew
// each time it is asked. It has no pages, so that all is pushed.
type twin struct {
	seed identity.Seed
	logs map[digest.Hash]*twinLog

	summed int // events that sum is of
	sum    digest.Set
}

type twinLog struct {
	info    syncer.LogInfo
	records [][]byte
	leaves  []digest.Hash
}

func newTwin(n byte) *twin { return &twin{seed: identity.Seed{n}, logs: map[digest.Hash]*twinLog{}} }

// append adds an event to a log of one of the twin's authors.
func (w *twin) append(author byte, text string) digest.Hash {
	record, err := event.AppendRecord(nil, event.Event{Payload: []byte(text)}, 1, 0)
	if err != nil {
		panic(err)
	}
	return w.write(topicKey.AuthorOf(identity.Seed{w.seed[0], author}), record)
}

// write adds a record to the log of an author of the twin's.
func (w *twin) write(key ed25519.PrivateKey, record []byte) digest.Hash {
	pub := [32]byte(key.Public().(ed25519.PublicKey))
	id := syncer.DataLog(topicKey.ID(), pub, 4096)
	l := w.logs[id]
	if l == nil {
		l = &twinLog{info: syncer.LogInfo{Log: id, Topic: topicKey.ID(), Author: pub, PageBytes: 4096, Own: true}}
		w.logs[id] = l
	}
	l.add(record)
	l.info.Head = proof.Sign(key, id, l.info.Size, l.info.Root)
	return id
}

func (l *twinLog) add(record []byte) {
	r, _, err := event.DecodeRecord(record)
	if err != nil {
		panic(err)
	}
	l.records = append(l.records, record)
	l.leaves = append(l.leaves, r.LeafHash())
	l.info.Size = uint64(len(l.leaves))
	l.info.Root = l.mountains(l.info.Size).Root()
}

func (l *twinLog) mountains(size uint64) (m mmrindex.Peaks) {
	for _, leaf := range l.leaves[:size] {
		if err := m.Append(leaf, nil); err != nil {
			panic(err)
		}
	}
	return m
}

// ingest stores verified events, as the pipeline does.
func (w *twin) ingest(v syncer.Verified) error {
	l := w.logs[v.Info.Log]
	if l == nil {
		l = &twinLog{info: v.Info}
		l.info.Own = false
		w.logs[v.Info.Log] = l
	}
	if v.First > l.info.Size {
		return fmt.Errorf("events from %d after %d", v.First, l.info.Size)
	}
	rest := v.Records
	for i := range v.Count {
		n, err := event.RecordLen(rest)
		if err != nil {
			return err
		}
		if v.First+uint64(i) >= l.info.Size {
			l.add(rest[:n])
		}
		rest = rest[n:]
	}
	l.info.Head, l.info.Right = v.Head, v.Right
	return nil
}

func (w *twin) Summary(digest.Hash) (digest.Set, error) {
	leaves := len(w.logs) << 32 // they only ever grow
	for _, l := range w.logs {
		leaves += len(l.leaves)
	}
	if leaves == w.summed {
		return w.sum, nil
	}
	var s digest.Multiset
	for _, l := range w.logs {
		s.Add(l.info.Log, l.info.Size, l.info.Root)
	}
	w.summed, w.sum = leaves, s.Set()
	return w.sum, nil
}

func (w *twin) Roster(digest.Hash) (syncer.Roster, error)           { return syncer.Roster{}, nil }
func (w *twin) Position(digest.Hash) (p identity.Position, _ error) { return p, nil }

func (w *twin) Logs(_ digest.Hash, yield func(syncer.LogInfo) bool) error {
	for _, l := range w.logs {
		if !yield(l.info) {
			break
		}
	}
	return nil
}

func (w *twin) Log(id digest.Hash) (syncer.LogInfo, bool, error) {
	if l := w.logs[id]; l != nil {
		return l.info, true, nil
	}
	return syncer.LogInfo{}, false, nil
}

func (w *twin) Time(id digest.Hash, size uint64) (int64, error) {
	return event.TimeOf(w.logs[id].records[size-1]), nil
}

func (w *twin) PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error) {
	return w.logs[id].mountains(size), nil
}

func (w *twin) Events(id digest.Hash, from uint64, maxBytes int) (syncer.Chunk, error) {
	l := w.logs[id]
	c := syncer.Chunk{First: from, Head: l.info.Head}
	for _, r := range l.records[from:] {
		if c.Count == 7 { // a small piece each, so that most have a proof to their right
			break
		}
		c.Records, c.Count = append(c.Records, r...), c.Count+1
	}
	end := from + uint64(c.Count)
	r, err := mmrindex.CompactRange(end, l.info.Size, leafNodes(l.leaves))
	c.Right = r.Hashes
	return c, err
}

func (w *twin) Pages(digest.Hash, uint64, uint64) (syncer.PageRun, error) {
	return syncer.PageRun{}, errors.New("a twin has no pages")
}

// leafNodes computes any node from the leaves.
type leafNodes []digest.Hash

func (n leafNodes) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		out[i] = n.node(id.Level, id.Index)
	}
	return nil
}

func (n leafNodes) node(level uint8, index uint64) digest.Hash {
	if level == 0 {
		return n[index]
	}
	return digest.Node(n.node(level-1, 2*index), n.node(level-1, 2*index+1))
}

// A side is one end of a session, driven by hand.
type side struct {
	*twin
	s      *syncer.Session
	in     []syncer.Input // what will happen to it, in order
	agreed bool
	failed *syncer.Fail
	sent   int // bytes
	tick   bool
	heard  func(m messages.Message, frame []byte) // if not nil, it is told what this side says
}

func newSide(w *twin, peer *twin, dialer bool, keys ...syncer.TestTopic) *side {
	return newSideOn([]byte("one channel"), w, peer, dialer, keys...)
}

// newSideOn is newSide on a channel with that binding.
func newSideOn(binding []byte, w *twin, peer *twin, dialer bool, keys ...syncer.TestTopic) *side {
	s := syncer.New(syncer.Config{
		Dialer: dialer, Self: syncer.PeerOf(w.seed), Peer: syncer.PeerOf(peer.seed), Binding: binding,
		Topics: syncer.TopicsOf(keys...), Store: w,
	})
	return &side{twin: w, s: s, in: []syncer.Input{syncer.Start{}}}
}

// step takes one input and carries out what comes of it.
func (e *side) step(to *side) {
	in := e.in[0]
	e.in = e.in[1:]
	for _, o := range e.s.Step(in) {
		switch o := o.(type) {
		case syncer.Send:
			e.deliver(to, o.Message)
		case syncer.Push:
			_, err := syncer.PushEvents(func(m messages.Message) error { e.deliver(to, m); return nil }, e, o.Topic, o.Log, o.From, o.To)
			if err != nil {
				panic(err)
			}
		case syncer.Ingest:
			if err := e.ingest(o.Verified); err != nil {
				e.in = append(e.in, syncer.IngestFailed{Topic: topicKey.ID(), Log: o.Verified.Info.Log, Err: err})
				continue
			}
			e.in = append(e.in, syncer.Advanced{Log: o.Verified.Info.Log, Before: o.Verified.First},
				syncer.Stored{Topic: topicKey.ID(), Log: o.Verified.Info.Log, Size: o.Verified.First + uint64(o.Verified.Count)})
		case syncer.Agreed:
			e.agreed = o.Now
		case syncer.Fail:
			e.failed = &o
		case syncer.WantTick:
			e.tick = true
		}
	}
}

// deliver passes a message through its bytes.
func (e *side) deliver(to *side, m messages.Message) {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		panic(err)
	}
	e.sent += len(frame)
	if e.heard != nil {
		e.heard(m, frame)
	}
	got, err := messages.Decode(frame[4:])
	if err != nil {
		panic(err)
	}
	to.in = append(to.in, syncer.Received{Message: got})
}

// run lets both sides step in random order until nothing is left to do.
func run(t *testing.T, r *rand.Rand, a, b *side) {
	t.Helper()
	now := time.Unix(0, 0)
	for steps := 0; ; steps++ {
		if steps > 200_000 {
			t.Fatal("it does not come to rest")
		}
		switch {
		case len(a.in) > 0 && (len(b.in) == 0 || r.IntN(2) == 0):
			a.step(b)
		case len(b.in) > 0:
			b.step(a)
		case a.agreed && b.agreed || a.failed != nil || b.failed != nil:
			return
		case a.tick || b.tick:
			now = now.Add(time.Second)
			for _, e := range []*side{a, b} {
				if e.tick {
					e.tick, e.in = false, append(e.in, syncer.Tick{Now: now})
				}
			}
		default:
			t.Fatal("a stall: nobody has anything to do and they do not agree")
		}
	}
}

func TestTwoSessionsAgree(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		x, y := newTwin(1), newTwin(2)
		for i := range r.IntN(60) {
			x.append(byte(r.IntN(4)), fmt.Sprint("x", i))
			y.append(byte(r.IntN(4)), fmt.Sprint("y", i))
		}
		for session := range 3 { // the later ones begin where the first left off
			a, b := newSide(x, y, true, topicKey), newSide(y, x, false, topicKey)
			run(t, r, a, b)
			if a.failed != nil || b.failed != nil {
				t.Fatalf("seed %d session %d: %v %v", seed, session, a.failed, b.failed)
			}
			sx, _ := x.Summary(topicKey.ID())
			if sy, _ := y.Summary(topicKey.ID()); sx != sy {
				t.Fatalf("seed %d session %d: agreed on different logs", seed, session)
			}
			if session == 1 && a.sent > 300 {
				t.Errorf("seed %d: equal stores took %d bytes", seed, a.sent)
			}
			for i := range r.IntN(5) { // live
				id := x.append(byte(r.IntN(4)), fmt.Sprint("live", session, i))
				a.agreed, b.agreed = false, false
				l, _, _ := x.Log(id)
				a.in = append(a.in, syncer.Advanced{Log: id, Before: l.Size - 1})
				if r.IntN(2) == 0 {
					run(t, r, a, b)
				}
			}
			run(t, r, a, b)
		}
	}
}

func TestWrongTopicAndReflection(t *testing.T) {
	x, y := newTwin(1), newTwin(2)
	for name, other := range map[string]*side{
		"another topic":             newSide(y, x, false, syncer.TestTopic(7)),
		"the proof of our own role": newSide(y, x, true, topicKey),
	} {
		a := newSide(x, y, true, topicKey)
		run(t, rand.New(rand.NewPCG(1, 1)), a, other)
		if a.failed == nil && other.failed == nil {
			t.Errorf("%s: nobody refused", name)
		}
		for _, e := range []*side{a, other} {
			if e.failed != nil && e.failed.Code != messages.CodeNoSharedTopic {
				t.Errorf("%s: %v", name, e.failed)
			}
		}
	}
}

func TestMessagesOutOfState(t *testing.T) {
	x, y := newTwin(1), newTwin(2)
	hello := &messages.Hello{Version: syncer.Version, Peer: syncer.PeerOf(y.seed), Offers: []messages.Offer{topicKey.Offer("one channel", false)}}
	for _, c := range []struct {
		name string
		msgs []messages.Message
		want messages.Code
	}{
		{"before HELLO", []messages.Message{&messages.Peaks{}}, messages.CodeUnexpectedMessage},
		{"a second HELLO", []messages.Message{hello, hello}, messages.CodeUnexpectedMessage},
		{"another version", []messages.Message{&messages.Hello{Version: 99, Peer: syncer.PeerOf(y.seed)}}, messages.CodeVersion},
		{"another peer", []messages.Message{&messages.Hello{Version: syncer.Version, Peer: [32]byte{1}}}, messages.CodeWrongPeer},
		{"a page request on the control stream", []messages.Message{hello, &messages.PageRequest{Count: 1}}, messages.CodeUnexpectedMessage},
		{"a topic that is not shared", []messages.Message{hello, &messages.Peaks{Topic: 1}}, messages.CodeNotShared},
		{"a rung without a body", []messages.Message{hello, &messages.Diff{Rung: messages.RungSketch}}, messages.CodeUnexpectedMessage},
		{"a body of no kind", []messages.Message{hello, &messages.Diff{Rung: messages.RungSketch, Body: []byte{99, 1}}}, messages.CodeMalformed},
	} {
		a := newSide(x, y, true, topicKey)
		a.step(newSide(y, x, false, topicKey))
		for _, m := range c.msgs {
			a.in = append(a.in, syncer.Received{Message: m})
			a.step(newSide(y, x, false, topicKey))
		}
		if a.failed == nil || a.failed.Code != c.want {
			t.Errorf("%s: %v, want %q", c.name, a.failed, c.want)
		}
		if a.s.State() != syncer.Ended {
			t.Errorf("%s: the session is %s", c.name, a.s.State())
		}
	}
}

// FuzzStep feeds a session whatever decodes. It may refuse; it must not panic,
// and nothing it lets through may be unproven.
func FuzzStep(f *testing.F) {
	x := newTwin(3)
	id := x.append(1, "one")
	c, err := x.Events(id, 0, 1000)
	if err != nil {
		f.Fatal(err)
	}
	info := x.logs[id].info
	for _, m := range []messages.Message{
		&messages.Peaks{Logs: 1}, &messages.SyncDone{}, &messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{{
			Log: id, Author: info.Author, PageBytes: 4096, Size: 1, Head: messages.Head{Size: 1, Root: info.Root, Sig: info.Head.Sig}}}},
		&messages.Events{Log: id, Author: info.Author, PageBytes: 4096, Count: 1, Head: messages.Head{Size: 1, Root: info.Root, Sig: info.Head.Sig}, Records: c.Records},
	} {
		frame, err := messages.AppendFrame(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame[4:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := messages.Decode(body)
		if err != nil {
			return
		}
		w, peer := newTwin(1), newTwin(2)
		w.append(1, "ours")
		a, b := newSide(w, peer, true, topicKey), newSide(peer, w, false, topicKey)
		a.step(b)
		b.step(a)
		a.step(b) // HELLO
		a.in = []syncer.Input{syncer.Received{Message: m}, syncer.Tick{Now: time.Unix(9, 0)}, syncer.Nudge{}}
		for len(a.in) > 0 {
			a.step(b)
		}
		for _, l := range w.logs {
			if l.info.Head.Size == l.info.Size && l.info.Head.Root != l.info.Root {
				t.Fatal("a log whose root is not its head's")
			}
			if err := l.info.Head.Verify(l.info.Author[:]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func (*twin) Counts(identity.LogName) (bool, error) { return true, nil }
