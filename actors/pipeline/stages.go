// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"errors"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sabotage"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// Places of the stages in the pipeline.
const (
	atAOF = iota
	atSegment
	atTrees
	atMMR
)

// A inFlight is the commit that the AOF writer has in inFlight. It is kept outside of
// the actor: after a restart the next instance goes on where this one stopped,
// so that nothing is committed twice and nothing committed is left behind.
type inFlight struct {
	work    *store.Work
	queue   []*gathered     // one for each of work.Appends
	changes []pendingChange // one for each of work.Changes

	made *store.Committed // once the transaction is committed
	next int              // first append that was not sent on
}

// Props returns the props of a stage.
func (p *Pipeline) Props(stage string) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		switch stage {
		case StageAOF:
			return &aofWriter{p}
		case StageSegment:
			return &segmentWriter{p: p}
		case StageTrees:
			return &treeBuilder{p: p}
		default:
			return &mmrIndexer{p: p}
		}
	})
}

// aofWriter commits what waits in the ingress.
type aofWriter struct{ p *Pipeline }

// Receive implements actor.Actor.
func (w *aofWriter) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		w.p.stages[atAOF].pid.Store(ctx.Self())
		w.sendHeld()
		w.flush()
	case *messages.Release:
		w.sendHeld()
	case *messages.AppendReady:
		w.p.strike(atAOF, AtStart)
		w.flush()
		w.p.strike(atAOF, AtEnd)
	}
}

func (w *aofWriter) flush() {
	p := w.p
	if p.inFlight == nil {
		p.in.settle()
		h := p.in.take()
		if h.work.Empty() {
			return
		}
		p.inFlight = h
	}
	h := p.inFlight
	if h.made == nil {
		h.mark(writing)
		var err error
		if h.made, err = p.commit.Commit(h.work); err != nil {
			p.inFlight = nil
			if store.Untouched(err) {
				h.mark(refused)
			}
			if store.Passes(err) {
				h.fail(err)
				p.ckpt.again(h.work.Sealed)
				return
			}
			p.Break(err)
			h.fail(p.Broken())
			return
		}
		for log, err := range h.made.Lost {
			p.check(log, err)
		}
	}
	p.strike(atAOF, AtWork)
	for i := range h.queue {
		w.await(h, i)
	}
	to := h.made.Advance
	if to != (store.Advance{}) {
		if err := p.publish(to, p.acks.ahead); err != nil { // the stages come to it, too
			p.log.Error("what is committed is not published", slog.Any("error", err))
		}
		p.published(to.ID())
		if err := p.Broken(); err != nil {
			p.acks.failAll(err) // the stages come to nothing more
		}
	}
	for ; h.next < len(h.queue); h.next++ {
		b := h.made.Appends[h.next].Batch
		w.sendOn(b, b != nil && to.Covers(b.Log, b.End()))
	}
	for i := range h.made.Durable {
		p.tell(atMMR, &h.made.Durable[i])
	}
	for _, log := range h.made.Frozen {
		p.froze(log)
		p.tellAdvanced(log)
	}
	for _, log := range h.made.Renewed {
		p.renewed(log)
	}
	p.inFlight = nil
	h.tellChanges()
}

// await has an append acknowledged once it is counted.
func (w *aofWriter) await(h *inFlight, i int) {
	g, came := h.queue[i], h.made.Appends[i]
	if g.awaited {
		return
	}
	g.awaited = true
	if came.Refused != nil {
		g.fate.set(refused)
		g.Done(came.Refused)
		return
	}
	g.fate.set(committed)
	end := g.First + uint64(len(g.Leaves))
	w.p.acks.await(g.Log, &ack{end: end, done: g.Done})
	if err := w.p.Broken(); err != nil {
		w.p.acks.failAll(err) // it may have come after all others were failed
	}
	// It was there before, or a stage that restarted took it from the AOF.
	if err := w.p.counted(g.Log); err != nil && came.Batch == nil {
		w.p.unread(g.Log, err)
	}
}

// tellChanges tells those who wait for a change what came of it.
func (h *inFlight) tellChanges() {
	for i, c := range h.changes {
		c.done <- h.made.Changes[i]
	}
}

// mark sets the fate of all appends in hand.
func (h *inFlight) mark(f fate) {
	for _, g := range h.queue {
		g.fate.set(f)
	}
}

func (h *inFlight) fail(err error) {
	for _, g := range h.queue {
		g.Done(err)
	}
	for _, c := range h.changes {
		c.done <- err
	}
}

// published is counted by a stage that nobody follows.
func (p *Pipeline) published(id digest.Hash) {
	if err := p.counted(id); err != nil {
		p.unread(id, err)
	}
}

// counted acknowledges what the log's published size covers.
func (p *Pipeline) counted(id digest.Hash) error {
	l, err := p.st.Log(id)
	if err != nil {
		return err
	}
	size := l.Whole().Size
	if l.Own {
		p.regained(l, size)
	}
	p.acks.acknowledge(id, size)
	return nil
}

// unread ends the wait for a log whose state cannot be read: nobody would end it.
// Its committed events are there when the log can be read again.
func (p *Pipeline) unread(log digest.Hash, err error) {
	if p.Broken() == nil {
		p.log.Error("the state of a log cannot be read", slog.String("log", log.String()), slog.Any("error", err))
	}
	p.acks.failLog(log, &LogError{log, err})
}

// check turns the error of a stage's core into what it means: a gap is
// answered by taking the log up again, a write that the disk failed makes the
// store read-only, files that are lost or damaged keep the one log from growing,
// and anything else is a failure for the supervisor to decide: so is a lack of
// descriptors or memory, as the events are in the AOF.
func (p *Pipeline) check(log digest.Hash, err error) {
	switch {
	case err == nil:
	case p.Broken() != nil:
	case errors.Is(err, store.ErrOtherHistory):
		p.acks.failPages(log, err)
	case errors.Is(err, store.ErrGap) && !sabotage.NoReplay:
		p.ckpt.drop(log)
		p.acks.failPages(log, err)
		p.tell(atSegment, &messages.Reset{Log: log})
	case ofDisk(err):
		p.Break(err)
	case supervisor.ClassOf(err) == supervisor.IO, supervisor.ClassOf(err) == supervisor.Corruption:
		p.mark(log, err)
	default:
		supervisor.Fail(err)
	}
}

// segmentWriter packs events into pages.
type segmentWriter struct {
	p    *Pipeline
	core *store.Segmenter
}

// Receive implements actor.Actor.
func (s *segmentWriter) Receive(ctx actor.Context) {
	p := s.p
	forward := func(b *messages.Batch) {
		p.strike(atSegment, AtWork)
		p.stages[atSegment].events.Add(uint64(len(b.Leaves)))
		p.tell(atTrees, b)
	}
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.core = p.st.NewSegmenter()
		p.stages[atSegment].pid.Store(ctx.Self())
		p.resume(func(log digest.Hash) error {
			p.acks.failPages(log, store.ErrGap) // the run in hand, if any, is lost: its session asks again
			return s.core.Resume(log, forward)
		})
	case *messages.Batch:
		p.strike(atSegment, AtStart)
		p.check(m.Log, s.core.Batch(m, forward))
		p.strike(atSegment, AtEnd)
	case *messages.Pages:
		p.strike(atSegment, AtStart)
		s.pages(m, forward)
		p.published(m.Log) // if it came another way meanwhile
		p.strike(atSegment, AtEnd)
	case *messages.Reset:
		s.core.Reset(m.Log)
		p.acks.failPages(m.Log, store.ErrGap) // runs that came since it was sent are lost with it
		p.tell(atTrees, m)
		if err := s.core.Resume(m.Log, forward); !errors.Is(err, store.ErrGap) {
			p.check(m.Log, err) // what is committed goes on
		}
	}
}

// pages hands a run of a peer's pages to the core. One that does not fit what is
// here is lost alone: its session asks again, and what others bring goes on.
func (s *segmentWriter) pages(m *messages.Pages, forward store.Forward) {
	err := s.core.Pages(m, forward)
	if errors.Is(err, store.ErrOtherHistory) {
		s.p.acks.fail(m.Log, err, func(e *ack) bool { return e.page && e.end == m.End() })
		return
	}
	s.p.check(m.Log, err)
}

// resume takes up every log with something under way.
func (p *Pipeline) resume(take func(digest.Hash) error) {
	if sabotage.NoReplay {
		return
	}
	for _, log := range p.acks.pending() {
		p.check(log, take(log))
	}
}

// treeBuilder grows the page trees.
type treeBuilder struct {
	p    *Pipeline
	core *store.Trees
}

// Receive implements actor.Actor.
func (t *treeBuilder) Receive(ctx actor.Context) {
	p := t.p
	forward := func(b *messages.Batch) {
		p.strike(atTrees, AtWork)
		p.stages[atTrees].events.Add(uint64(len(b.Leaves)))
		p.tell(atMMR, b)
	}
	switch m := ctx.Message().(type) {
	case *actor.Started:
		t.core = p.st.NewTrees()
		p.stages[atTrees].pid.Store(ctx.Self())
		p.resume(func(log digest.Hash) error { return t.core.Resume(log, forward) })
	case *messages.Batch:
		p.strike(atTrees, AtStart)
		p.check(m.Log, t.core.Batch(m, forward))
		p.strike(atTrees, AtEnd)
	case *messages.Reset:
		t.core.Reset(m.Log)
		p.tell(atMMR, m)
	}
}

// mmrIndexer keeps the mountains, publishes roots and acknowledges.
type mmrIndexer struct {
	p    *Pipeline
	core *store.MMRIndexer
}

// Receive implements actor.Actor.
func (x *mmrIndexer) Receive(ctx actor.Context) {
	p := x.p
	switch m := ctx.Message().(type) {
	case *actor.Started:
		x.core = p.st.NewMMRIndexer()
		p.stages[atMMR].pid.Store(ctx.Self())
		p.resume(func(log digest.Hash) error {
			made, err := x.core.Resume(log)
			return x.made(log, made, 0, err)
		})
	case *messages.Batch:
		p.strike(atMMR, AtStart)
		x.batch(m)
		p.strike(atMMR, AtEnd)
	case *messages.Durable:
		p.strike(atMMR, AtStart)
		to, err := x.core.Durable(m)
		p.check(m.Log, x.made(m.Log, store.Merged{Advance: to}, 0, err))
		p.strike(atMMR, AtEnd)
	case *messages.Reset:
		x.core.Reset(m.Log)
	}
}

func (x *mmrIndexer) batch(b *messages.Batch) {
	made, err := x.core.Batch(b)
	x.p.strike(atMMR, AtWork)
	pages := 0
	if err == nil {
		for _, s := range b.Seals {
			pages += s.Pages
		}
		x.p.stages[atMMR].events.Add(uint64(len(b.Leaves)))
	}
	x.p.check(b.Log, x.made(b.Log, made, pages, err))
}

// made hands on what the core made: files to sync, and a new state of the log to
// whoever waits for it. It returns err, or else why that is not published.
func (x *mmrIndexer) made(log digest.Hash, m store.Merged, pages int, err error) error {
	if e := x.p.publish(m.Advance, nil); e == nil && m.Advance != (store.Advance{}) {
		x.p.acks.caughtUp(log, m.Advance.Size())
	} else if e != nil && err == nil {
		x.core.Reset(log)
		err = e
	}
	if err == nil { // what is sealed leaves the AOF: the pages are known before
		x.p.ckpt.note(m.Sealed, pages)
	}
	x.p.published(log)
	return err
}

// publish makes a new state of a log known, and says so. first, unless nil, is called
// before if it is one that no stage came to.
func (p *Pipeline) publish(to store.Advance, first func(log digest.Hash, size uint64)) error {
	p.telling.Lock()
	defer p.telling.Unlock()
	l, err := p.st.Publish(to)
	if l != nil && first != nil {
		first(l.ID, to.Size())
	}
	if l != nil {
		p.advanced(l)
	}
	return err
}

// tellAdvanced says that a log has a new state.
func (p *Pipeline) tellAdvanced(log digest.Hash) {
	l, err := p.st.Log(log)
	if err != nil {
		p.unread(log, err)
		return
	}
	p.telling.Lock()
	defer p.telling.Unlock()
	p.advanced(l)
}
