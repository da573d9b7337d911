// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A simNet is nodes and sessions between them, driven by one seed: at each step
// one end of one link does one thing.
type simNet struct {
	t     testing.TB
	r     *rand.Rand
	nodes []*simNode
	ends  []*simEnd // two by two, the ends of each link
	now   time.Time
	steps int
	fail  float64 // how likely it is that something is not stored
	conns int
	pulls int  // transfers begun
	forks bool // some author is expected to fork

	lie    func(messages.Body)          // changes what is said of which logs differ
	first  func(conn int) messages.Rung // of a connection's rounds; nil: the cheapest
	bodies map[string]int               // DIFFs that were sent, by what they say

	pushed, repeated, grafts int // messages of events, those that were here, and links that became eager again
}

type simNode struct {
	*pageTwin
	follows Follows // nil: all
	ends    []*simEnd
	links   Links[*simEnd]
	past    map[digest.Set]map[digest.Hash]uint64 // sizes at states that were agreed on
	agreed  map[identity.PeerID]digest.Set        // with whom; deleted when it is forgotten
	told    map[digest.Hash]uint64                // sizes that sessions were told
	refuses digest.Hash                           // a log of which nothing more is stored,
	breaks  digest.Hash                           // one that fails to be, however often it is tried,
	mute    digest.Hash                           // and one whose pages are not served
	forgets bool                                  // it keeps no proof of a fork
	members                                       // who is admitted when
}

// Remembered implements History.
func (w *simNode) Remembered(peer identity.PeerID, _ digest.Hash) (digest.Set, bool) {
	set, found := w.agreed[peer]
	return set, found
}

// Met implements History.
func (w *simNode) Met(peer identity.PeerID, _ digest.Hash) bool {
	_, found := w.agreed[peer]
	return found
}

// Changes implements History by comparing all sizes.
func (w *simNode) Changes(_ digest.Hash, since digest.Set) (all []Change, known bool, err error) {
	old, known := w.past[since]
	for _, id := range w.keys {
		if n := uint64(len(w.logs[id].Leaves)); known && n != old[id] {
			all = append(all, Change{id, old[id]})
		}
	}
	return all, known, nil
}

// agree takes note of the state that a peer holds too.
func (w *simNode) agree(peer identity.PeerID, set digest.Set) {
	if now, _ := w.Summary(twinTopic.ID()); now != set {
		return
	}
	w.past[set], w.agreed[peer] = map[digest.Hash]uint64{}, set
	for id, l := range w.logs {
		w.past[set][id] = uint64(len(l.Leaves))
	}
}

// A simEnd is one end of a link. Waiting work is done in order.
type simEnd struct {
	net    *simNet
	node   *simNode
	peer   *simEnd
	s      *Session
	in     []Input
	tasks  []func()
	tick   bool
	agreed bool
	sent   int // bytes of frames on the control stream
	cut    bool

	asked, synced uint64 // syncs
	apart         []Apart
}

func newSimNet(t testing.TB, seed uint64, nodes int) *simNet {
	n := &simNet{t: t, r: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(0, 0), bodies: map[string]int{}}
	for i := range nodes {
		n.nodes = append(n.nodes, &simNode{
			told:     map[digest.Hash]uint64{},
			pageTwin: newPageTwin(byte(i + 1)), past: map[digest.Set]map[digest.Hash]uint64{}, agreed: map[identity.PeerID]digest.Set{},
		})
	}
	return n
}

// link connects two nodes anew; what was between them is lost.
func (n *simNet) link(a, b *simNode) {
	n.conns++
	binding := fmt.Appendf(nil, "connection %d", n.conns)
	x, y := n.end(a, b, true, binding), n.end(b, a, false, binding)
	x.peer, y.peer = y, x
	n.ends = append(n.ends, x, y)
	a.ends, b.ends = append(a.ends, x), append(b.ends, y)
}

func (n *simNet) end(node, peer *simNode, dialer bool, binding []byte) *simEnd {
	c := Config{
		Dialer: dialer, Self: node.id, Peer: peer.id, Binding: binding, Store: node, History: node, Newcomers: node,
		Topics: TopicsOf(twinTopic),
	}
	c.Topics[0].Follows = node.follows
	if n.first != nil {
		c.First = n.first(n.conns)
	}
	s := New(c)
	return &simEnd{net: n, node: node, s: s, in: []Input{Start{}}}
}

// cutAll breaks every link and makes it again.
func (n *simNet) cutAll() {
	old := n.ends
	n.ends = nil
	for _, e := range old {
		e.drop()
	}
	for i := 0; i < len(old); i += 2 {
		n.link(old[i].node, old[i+1].node)
	}
}

// wrote tells a node's sessions of a log that grew.
func (w *simNode) wrote(l *pageLog) {
	before, now := w.told[l.info.Log], l.state().Size
	w.told[l.info.Log] = now
	for _, e := range w.ends {
		e.in = append(e.in, Advanced{l.info.Log, min(before, now)})
	}
}

// drop ends one end of a link.
func (e *simEnd) drop() {
	e.cut, e.in, e.tasks = true, nil, nil
	e.node.ends = slices.DeleteFunc(e.node.ends, func(x *simEnd) bool { return x == e })
	if other, ok := e.node.links.Down(twinTopic.ID(), e); ok {
		other.in = append(other.in, Graft{twinTopic.ID()})
	}
}

// step lets one end do one thing, and reports whether there was one.
func (n *simNet) step() bool {
	var busy []*simEnd
	for _, e := range n.ends {
		if len(e.in)+len(e.tasks) > 0 {
			busy = append(busy, e)
		}
	}
	if len(busy) == 0 {
		return false
	}
	n.steps++
	e := busy[n.r.IntN(len(busy))]
	if len(e.in) == 0 || len(e.tasks) > 0 && n.r.IntN(2) == 0 {
		task := e.tasks[0]
		e.tasks = e.tasks[1:]
		task()
		return true
	}
	in := e.in[0]
	e.in = e.in[1:]
	for _, o := range e.s.Step(in) {
		e.do(o)
	}
	return true
}

// settle runs until all sessions agree, in a bounded number of steps.
func (n *simNet) settle() {
	n.t.Helper()
	for ticks := 0; ; {
		if n.steps > 300_000 || ticks > 500 {
			n.t.Fatalf("no rest after %d steps and %d ticks:%s", n.steps, ticks, n.describe())
		}
		if n.step() {
			continue
		}
		agreed, ticking := true, false
		for _, e := range n.ends {
			agreed, ticking = agreed && e.agreed, ticking || e.tick
		}
		if agreed {
			return
		}
		if !ticking {
			n.t.Fatalf("a stall: nobody has anything to do and they do not agree:%s", n.describe())
		}
		ticks++
		n.now = n.now.Add(time.Second)
		for _, e := range n.ends {
			if e.tick {
				e.tick, e.in = false, append(e.in, Tick{n.now})
			}
		}
	}
}

func (e *simEnd) do(o Output) {
	switch o := o.(type) {
	case Send:
		e.deliver(o.Message)
	case Push:
		e.tasks = append(e.tasks, func() {
			send := func(m messages.Message) error { e.deliver(m); return nil }
			if _, err := PushEvents(send, e.node, o.Topic, o.Log, o.From, o.To, nil); err != nil {
				e.net.t.Error(err)
			}
		})
	case Ingest:
		e.tasks = append(e.tasks, func() { e.ingest(o.Verified) })
	case Pull:
		e.net.pulls++
		e.tasks = append(e.tasks, func() { e.pull(o) })
	case Shared:
		if !o.Topics[0].Partial {
			e.node.links.Up(o.Topics[0].ID, e)
		}
	case Repeated:
		e.net.repeated++
		if e.node.links.Repeated(o.Topic, e) {
			e.in = append(e.in, Prune(o))
		}
	case Pruned:
		e.node.links.Pruned(o.Topic, e)
	case Grafted:
		e.net.grafts++
		e.node.links.Grafted(o.Topic, e)
	case Agreed:
		if e.agreed = o.Now; o.Now && !o.Partial {
			e.node.agree(e.peer.node.id, o.Set)
		}
	case Synced:
		e.synced = o.Sync
	case Apart:
		e.apart = append(e.apart, o)
	case Drain: // behind all that is pushed by now
		e.tasks = append(e.tasks, func() { e.in = append(e.in, Drained{o.Number}) })
	case WantTick:
		e.tick = true
	case Fail:
		e.net.t.Errorf("an honest peer is refused: %s: %s", o.Code, o.Text)
	case Fork, Forked, TellFork, Diverged:
		e.forks(o)
	case OwnAhead: // a copy of the author, who signs elsewhere too
		if !e.net.forks {
			e.net.t.Errorf("unexpected: %#v", o)
		}
	case Closed:
		e.net.t.Errorf("unexpected: %#v", o)
	}
}

// deliver passes a message through its bytes.
func (e *simEnd) deliver(m messages.Message) {
	if m.Type() == messages.TypeEvents {
		e.net.pushed++
	}
	if d, ok := m.(*messages.Diff); ok && e.net.lie != nil && len(d.Body) > 0 {
		number, b, err := messages.DecodeBody(d.Body)
		if err != nil {
			e.net.t.Fatal(err)
		}
		e.net.lie(b)
		m = &messages.Diff{Topic: d.Topic, Rung: d.Rung, More: d.More, Body: messages.EncodeBody(number, b)}
	}
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		e.net.t.Fatal(err)
	}
	e.sent += len(frame)
	got, err := messages.Decode(frame[4:])
	if err != nil {
		e.net.t.Fatal(err)
	}
	if d, ok := m.(*messages.Diff); ok {
		e.net.bodies[saying(d)]++
	}
	if !e.cut {
		e.peer.in = append(e.peer.in, Received{got})
	}
}

// saying names what a DIFF says.
func saying(d *messages.Diff) string {
	if len(d.Body) == 0 {
		return map[bool]string{true: "part", false: "list"}[d.Part]
	}
	_, b, err := messages.DecodeBody(d.Body)
	if err != nil {
		return "nothing"
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", b), "*messages."), "Body")
}

var (
	errNotStored = errors.New("not stored")
	errMute      = errors.New("not served")
)

func (e *simEnd) ingest(v Verified) {
	err := errNotStored
	if v.Info.Log == e.node.refuses {
		err = ErrUnwanted
	} else if v.Info.Log == e.node.breaks {
		err = errNotStored
	} else if !e.node.takes(v) {
		err = ErrUnadmitted
		e.node.refused++
	} else if e.net.r.Float64() >= e.net.fail {
		err = e.node.ingest(v)
	}
	if err != nil {
		e.in = append(e.in, IngestFailed{twinTopic.ID(), v.Info.Log, err})
		return
	}
	e.node.wrote(e.node.logs[v.Info.Log])
	e.in = append(e.in, Stored{twinTopic.ID(), v.Info.Log, v.First + uint64(v.Count)})
}

// pull runs a whole transfer at once. The peer's stream may break anywhere.
func (e *simEnd) pull(p Pull) {
	tr, err := NewTransfer(e.node, p)
	if err != nil {
		e.net.t.Fatal(err)
	}
	if p.Info.Log == e.node.refuses {
		e.in = append(e.in, PullDone{Topic: twinTopic.ID(), Log: p.Info.Log, Err: ErrUnwanted})
		return
	}
	if p.Info.Log == e.peer.node.mute {
		e.peer.in = append(e.peer.in, Served{Topic: twinTopic.ID(), Log: p.Info.Log, Err: errMute})
		e.in = append(e.in, PullDone{Topic: twinTopic.ID(), Log: p.Info.Log, Err: errMute})
		return
	}
	var stream bytes.Buffer
	served, err := ServePages(&stream, e.peer.node, twinTopic.ID(), tr.Request(), nil)
	e.peer.in = append(e.peer.in, Served{Topic: twinTopic.ID(), Log: p.Info.Log, EndSize: served.End, Err: err})
	if e.net.r.Float64() < e.net.fail {
		stream.Truncate(e.net.r.IntN(stream.Len() + 1))
		e.peer.in[len(e.peer.in)-1] = Served{Topic: twinTopic.ID(), Log: p.Info.Log, Err: io.ErrUnexpectedEOF}
	}
	err = e.receive(tr, &stream)
	var v *Violation
	if errors.As(err, &v) {
		e.net.t.Errorf("an honest transfer is refused: %v", v)
	}
	e.in = append(e.in, PullDone{Topic: twinTopic.ID(), Log: p.Info.Log, Err: err})
}

// receive takes in a transfer the way the session actor does.
func (e *simEnd) receive(tr *Transfer, stream io.Reader) error {
	for {
		body, err := messages.ReadFrame(stream, messages.MaxEventsFrame, nil)
		if err == io.EOF {
			return e.rest(tr)
		}
		if err != nil {
			return err
		}
		m, err := messages.Decode(body)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *messages.PageResponse:
			err = e.pages(tr, m, stream)
		case *messages.Events:
			if err = e.rest(tr); err != nil {
				return err
			}
			var v *Verified
			if v, err = tr.Events(m); err == nil {
				err = e.stored(*v)
			}
		}
		if err != nil {
			return err
		}
		if tr.Closed() {
			return e.rest(tr)
		}
	}
}

func (e *simEnd) pages(tr *Transfer, m *messages.PageResponse, stream io.Reader) error {
	n, err := tr.Announced(m)
	if err != nil {
		return err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(stream, b); err != nil {
		return err
	}
	v, err := tr.Pages(m, b)
	if err != nil || v == nil {
		return err
	}
	if e.net.r.Float64() < e.net.fail {
		return errNotStored
	}
	if err := e.node.ingestPages(e.net.t, v); err != nil {
		return err
	}
	l := e.node.logs[v.Info.Log]
	last := v.Seals[len(v.Seals)-1]
	if have := uint64(len(l.Pages())); have < last.Page { // the last one is sealed by what follows
		e.net.t.Errorf("%d pages of a transfer's %d", have, last.Page)
	}
	for i := v.Seals[0].Page; i < min(uint64(len(l.Pages())), last.Page+uint64(last.Pages)); i++ {
		at := int(i-v.Seals[0].Page) * twinPage
		if !bytes.Equal(l.Pages()[i], v.Bytes[at:at+twinPage]) {
			e.net.t.Errorf("page %d is not the one that is packed here", i)
		}
	}
	e.node.wrote(l)
	return nil
}

func (e *simEnd) rest(tr *Transfer) error {
	v, err := tr.Rest()
	if err != nil || v == nil {
		return err
	}
	return e.stored(*v)
}

func (e *simEnd) stored(v Verified) error {
	if e.net.r.Float64() < e.net.fail {
		return errNotStored
	}
	err := e.node.ingest(v)
	e.node.wrote(e.node.logs[v.Info.Log])
	return err
}

// describe says what each end waits for.
func (n *simNet) describe() string {
	var b strings.Builder
	for i, e := range n.ends {
		fmt.Fprintf(&b, "\n end %d: %s, agreed %v", i, e.s.State(), e.agreed)
		for _, t := range e.s.topics {
			fmt.Fprintf(&b, ", %s, known %v, listed %d, expected %d, tries %d, leads %v, apart %v, wait %v, told %v, got %v, round %+v", t.phase, t.known, len(t.listed), len(t.expected), t.tries, t.leads, t.apart.Unix(), t.wait, t.lastSent, t.lastGot, t.round)
			for id, r := range t.busy {
				size := 0
				if l := e.node.logs[id]; l != nil {
					size = len(l.Leaves)
				}
				fmt.Fprintf(&b, "\n   log %s of %d: %+v", id.Short(), size, *r)
			}
		}
	}
	return b.String()
}
