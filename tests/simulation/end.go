// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of a session, as package actors has them.
const (
	maxPulling = 4
	stallLimit = 30 * time.Second
	grace      = 250 * time.Millisecond // to say why before a connection is closed
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// An end is a session: what an actor is around the step function.
type end struct {
	w      *world
	p      *peer
	edge   *edge
	conn   *conn
	other  *end
	s      *syncer.Session
	dialer bool
	gone   bool
	bye    bool // it said goodbye
	since  time.Duration
	out    *pipe

	in        []syncer.Input
	busy      bool
	frames    []messages.Message
	writing   []messages.Message // frames that are handed over
	waits     syncer.Backlog     // of frames
	answering bool               // what is sent was caused by a message of the peer
	pushes    []syncer.Push
	drains    []syncer.Drain

	pulse   syncer.Pulse
	beatAt  time.Duration // when it is looked at; 0: it is not
	pings   uint64
	signs   syncer.Signs
	ticking bool
	shared  map[uint32]digest.Hash // topics, by the numbers they go by,
	numbers map[digest.Hash]uint32 // and these
	remote  string                 // where the other came from, or was dialed
	told    map[digest.Hash][]string
	agreed  map[digest.Hash]bool
	numb    bool // broken by a control,
	diffs   int  // or by what it said
	watch   syncer.Watch
	moved   uint64 // events sent and stored
	bytes   uint64 // that came or went
	pulling int
	queued  []syncer.Pull

	calls       []*call // syncs that are not over
	asked, done uint64  // and how many were asked for, and are
	apart       bool    // the one under way says that not all comes to be on both sides
}

func (w *world) newEnd(c *conn, p, q *peer, dialer bool) *end {
	s := syncer.New(syncer.Config{
		Dialer: dialer, Self: p.id, Peer: q.id, Binding: fmt.Appendf(nil, "connection %d", c.nr),
		Topics: p.joined(), Store: p.st, History: p.st,
	})
	return &end{
		w: w, p: p, edge: c.edge, conn: c, s: s, dialer: dialer, since: w.now, watch: syncer.Watch{Limit: stallLimit},
		shared: map[uint32]digest.Hash{}, numbers: map[digest.Hash]uint32{}, remote: q.host, told: map[digest.Hash][]string{}, agreed: map[digest.Hash]bool{}, numb: p.numb,
	}
}

// drained says which drains are over.
func (e *end) drained() {
	e.drains = slices.DeleteFunc(e.drains, func(d syncer.Drain) bool {
		waits := slices.ContainsFunc(e.pushes, func(x syncer.Push) bool { return slices.Contains(d.Numbers, x.Topic) })
		if !waits {
			e.post(syncer.Drained{Number: d.Number})
		}
		return !waits
	})
}

// post puts an input into the mailbox.
func (e *end) post(in syncer.Input) {
	if e.gone {
		return
	}
	e.in = append(e.in, in)
	e.next()
}

func (e *end) next() {
	if e.busy || len(e.in) == 0 || e.gone {
		return
	}
	e.busy = true
	e.w.after(between(e.w.net, 0, 200*time.Microsecond+e.p.slow), func() {
		e.busy = false
		if e.gone || len(e.in) == 0 {
			return
		}
		in := e.in[0]
		e.in = e.in[1:]
		e.take(in)
		e.next()
	})
}

// take is what a session does with an input before and after the step.
func (e *end) take(in syncer.Input) {
	switch x := in.(type) {
	case syncer.Received:
		e.pulse.Heard(e.w.mono())
	case syncer.PullDone:
		e.pulling--
		e.pullNext()
		e.unstorable(x.Err)
	case syncer.IngestFailed:
		e.unstorable(x.Err)
	}
	e.step(in)
}

func (e *end) unstorable(err error) {
	if errors.Is(err, errReadOnly) {
		e.goodbye(messages.CodeReadOnly)
	}
}

func (e *end) step(in syncer.Input) {
	if e.gone || e.ignores(in) {
		return
	}
	e.w.note("peer %d link %d: %v", e.p.nr, e.edge.nr, inputText{in})
	out := e.s.Step(in)
	if e.chokes(out) {
		return
	}
	_, e.answering = in.(syncer.Received)
	for _, o := range out {
		e.do(o)
	}
	if e.s.Busy() {
		e.wantTick()
	} else {
		e.watch.Rest()
	}
}

func (e *end) do(o syncer.Output) {
	switch o := o.(type) {
	case syncer.Send:
		e.frames = append(e.frames, o.Message)
		if e.waits.Add(o.Message, e.answering) == syncer.TooMany {
			e.w.fail("too many messages wait for peer %d", e.other.p.nr)
		}
		if m, ok := o.Message.(*messages.Leave); ok { // it goes out before them
			e.pushes = slices.DeleteFunc(e.pushes, func(x syncer.Push) bool { return x.Topic == m.Topic })
			e.drained()
		}
		e.pump()
	case syncer.Push:
		e.push(o)
		e.pulse.Pushed(e.w.mono(), e.signs)
		e.wantBeat()
	case syncer.Ingest:
		e.ingest(o.Verified)
	case syncer.Pull:
		e.w.stats.Pulls++
		e.queued = append(e.queued, o)
		e.pullNext()
	case syncer.WantTick:
		e.wantTick()
	case syncer.Agreed:
		if e.agreed[o.Topic] = o.Now; o.Now {
			e.p.st.agree(e.other.p.id, o.Topic, o.Set)
			e.lazy(o.Topic)
		}
	case syncer.Synced:
		e.synced(o.Sync)
	case syncer.Drain:
		e.drains = append(e.drains, o)
		e.drained()
	case syncer.Apart:
		e.parts(o)
	case syncer.Ponged, syncer.Covered:
	case syncer.Shared:
		e.pulse.Begin(e.w.mono(), e.dialer, false)
		e.wantBeat()
		for _, t := range o.Topics {
			e.shared[t.Number], e.numbers[t.ID] = t.ID, t.Number
			e.p.links.Up(t.ID, e)
		}
		e.p.shares(e, o)
	case syncer.Peers:
		e.hearPeers(o)
	case syncer.Left:
		e.leftTopic(o)
	case syncer.Repeated:
		e.w.stats.Repeated++
		if e.p.links.Repeated(o.Topic, e) {
			e.post(syncer.Prune(o))
		}
	case syncer.Pruned:
		e.p.links.Pruned(o.Topic, e)
	case syncer.Grafted:
		e.w.stats.Grafts++
		e.p.links.Grafted(o.Topic, e)
	case syncer.OwnAhead:
		e.p.authorOf(o.Log).behind = true
	case syncer.Closed:
		e.closed(o)
	default:
		e.w.fail("peer %d link %d says %#v of peer %d, and all are honest", e.p.nr, e.edge.nr, o, e.other.p.nr)
	}
}

// leftTopic ends what is under way for a topic that is not shared any more.
func (e *end) leftTopic(o syncer.Left) {
	delete(e.shared, o.Number)
	delete(e.numbers, o.Topic)
	delete(e.told, o.Topic)
	delete(e.agreed, o.Topic)
	e.unlink(o.Topic)
	e.queued = slices.DeleteFunc(e.queued, func(x syncer.Pull) bool { return x.Info.Topic == o.Topic })
	e.p.leaveTopic(e, o.Topic)
	for _, x := range e.w.serving {
		if x.server == e && x.f.o.Info.Topic == o.Topic {
			x.reset()
		}
	}
}

// unlink drops the link of a topic; if it was the last eager one, another takes
// its place.
func (e *end) unlink(topic digest.Hash) {
	if other, ok := e.p.links.Down(topic, e); ok {
		other.post(syncer.Graft{Topic: topic})
	}
}

func (e *end) closed(o syncer.Closed) {
	switch o.Code {
	case messages.CodeReadOnly, messages.CodeClosing, messages.CodeTimeout:
		e.conn.sever(e)
	default:
		e.w.fail("peer %d link %d was told %s: %s", e.p.nr, e.edge.nr, o.Code, o.Text)
	}
}

// goodbye ends the session with a last word.
func (e *end) goodbye(code messages.Code) {
	if e.bye {
		return
	}
	e.bye = true
	e.w.stats.Refused++
	e.frames = append(e.frames, &messages.Bye{Code: code})
	e.pump()
	e.w.after(grace, func() {
		if !e.gone {
			e.conn.sever(e)
		}
	})
}

// push queues events; a range that continues one which waits is joined to it.
func (e *end) push(o syncer.Push) {
	i := slices.IndexFunc(e.pushes, func(x syncer.Push) bool { return x.Log == o.Log && x.To >= o.From })
	if i >= 0 {
		e.pushes[i].From, e.pushes[i].To = min(e.pushes[i].From, o.From), max(e.pushes[i].To, o.To)
	} else {
		e.pushes = append(e.pushes, o)
	}
	e.pump()
}

// pump writes what waits while there is room: messages first, then events as
// the store has them by then.
func (e *end) pump() {
	for !e.gone && !e.out.full() {
		switch {
		case len(e.writing)+len(e.frames) > 0:
			if len(e.writing) == 0 { // as an outbox hands them over
				e.writing, e.frames = e.frames, nil
				e.waits.Sent()
			}
			m := e.writing[0]
			e.writing = e.writing[1:]
			e.write(m)
		case len(e.pushes) > 0 && !e.bye:
			o := e.pushes[0]
			e.pushes = e.pushes[1:]
			send := func(m messages.Message) error { e.write(m); return nil }
			end, err := syncer.PushEvents(send, e.p.st, o.Topic, o.Log, o.From, o.To, new(syncer.Pace))
			if err != nil {
				e.w.fail("peer %d: %v", e.p.nr, err)
			}
			e.moved += max(end, o.From) - o.From
			e.drained()
		default:
			return
		}
	}
}

func (e *end) write(m messages.Message) {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		e.w.fail("peer %d: %v", e.p.nr, err)
		return
	}
	e.w.stats.Messages++
	e.signs.Asked++
	switch m.Type() {
	case messages.TypePing, messages.TypePong:
		e.w.stats.Pings++
	case messages.TypePeers:
		e.w.stats.Peered++
	default:
		if e.strange() {
			e.w.astray++
		}
	}
	e.bytes += uint64(len(frame))
	e.out.write(frame)
}

// arrived takes a frame of the peer.
func (e *end) arrived(frame []byte) {
	m, err := messages.Decode(frame[4:])
	if err != nil {
		e.w.fail("peer %d link %d: %v", e.p.nr, e.edge.nr, err)
		return
	}
	e.bytes += uint64(len(frame))
	e.signs.Heard++
	e.other.acknowledged()
	e.post(syncer.Received{Message: m})
}

func (e *end) wantTick() {
	if e.ticking || e.gone {
		return
	}
	e.ticking = true
	e.w.after(time.Duration(float64(time.Second)/e.p.rate), func() { e.tick() })
}

// tick feeds the core and looks whether the session makes progress.
func (e *end) tick() {
	if e.ticking = false; e.gone {
		return
	}
	now := e.p.clock()
	e.step(syncer.Tick{Now: now})
	st, err := e.s.Status(0)
	if err != nil {
		e.w.fail("%v", err)
	}
	owed := st.Owed || e.pulling > 0
	if _, stalled := e.watch.Look(now, owed, e.moved, e.bytes); stalled && !e.patient() {
		if e.w.sound() {
			e.w.fail("nothing is wrong, and peer %d ends its session on link %d because it stands still, waiting for %s", e.p.nr, e.edge.nr, st.Waiting)
		}
		e.w.note("peer %d link %d: stands still, waits for %q", e.p.nr, e.edge.nr, st.Waiting)
		e.goodbye(messages.CodeTimeout)
	}
}

// ingest hands verified events to the pipeline.
func (e *end) ingest(v syncer.Verified) {
	topic, id, end := v.Info.Topic, v.Info.Log, v.First+uint64(v.Count)
	e.p.enqueue(work{log: id, do: func() error {
		if e.p.drops() {
			return nil
		}
		return e.p.ingest(v)
	}, done: func(err error) {
		if err != nil {
			e.post(syncer.IngestFailed{Topic: topic, Log: id, Err: err})
			return
		}
		e.w.judgeStored(e.p, id, end)
		e.moved += uint64(v.Count)
		e.post(syncer.Stored{Topic: topic, Log: id, Size: end})
	}})
}
