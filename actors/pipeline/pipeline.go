// SPDX-License-Identifier: MPL-2.0

// Package pipeline is the way from a caller to the acknowledgement, and the only
// one that writes.
//
// Rule: it knows no session and no peer but by name. A caller hands events
// in and learns when they are durable and counted.
//
// Start with Pipeline. The stages, in the order in which an event meets them:
//
//	stage    actor            owns                        takes up after a restart at
//	aof      aofWriter        LMDB: order, durability     the commit it had in hand
//	segment  segmentWriter    pages of .seg files         what is committed, per log
//	trees    treeBuilder      tier-1 nodes, .tree files   what the segment stage forwarded
//	mmr      mmrIndexer       tier-2 nodes, mmr files     what the tree stage forwarded
//
// Each restarts alone. Its state is a cache of its own files: the new instance
// starts from the sealed cursor and replays the AOF for the logs that have
// something under way. A neighbour that is sent an event again drops it by its
// sequence. Acknowledging goes by sequence too, so that no message is needed
// for an event to be acknowledged but one that reaches the last stage.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// Names of the stages.
const (
	StageAOF     = "aof"
	StageSegment = "segment"
	StageTrees   = "trees"
	StageMMR     = "mmr"
)

// Stages lists the pipeline in order.
var Stages = []string{StageAOF, StageSegment, StageTrees, StageMMR}

// ErrReadOnly is returned for writes after one failed, and by a store that was
// opened to be read. Nothing is written before the store is opened again.
var ErrReadOnly = store.ErrReadOnly

// Where in the handling of a message a Fault may strike.
const (
	AtStart = iota // nothing was done
	AtWork         // the work is done, nothing was sent
	AtEnd          // everything was done
)

// SessionName is what a session calls itself to a Fault.
const SessionName = "session"

// A Fault is called by each stage and each session around each message. It is
// nil but in tests, which kill them by panicking in it.
type Fault func(stage string, point int)

// A Pipeline moves events from callers and peers into a store.
type Pipeline struct {
	st    *store.Store
	log   *slog.Logger
	fault Fault

	advanced func(*store.Log)
	telling  sync.Mutex // held while a state is published and told, so that nobody hears of them in another order

	quota *quotaGate

	in   *ingress
	acks *acks
	ckpt *checkpointer

	commit   *store.Committer
	inFlight *inFlight       // the commit under way; outlives a restart of the AOF writer
	held     *messages.Batch // what the AOF writer holds back, or nil; outlives it, too
	stages   [4]stageRef     // by place in Stages
	system   *actor.ActorSystem
	pages    chan struct{} // credits for runs of a peer's pages
}

// A stageRef is where a stage's messages go.
type stageRef struct {
	pid    atomic.Pointer[actor.PID]
	events atomic.Uint64 // that it let through
}

// New returns a pipeline over st whose stages are not running yet.
// advanced is called after each change of a log's published state, in their order: it
// must return at once.
func New(system *actor.ActorSystem, st *store.Store, log *slog.Logger, q Quota, fault Fault, advanced func(*store.Log)) *Pipeline {
	p := &Pipeline{
		st: st, log: log, fault: fault, acks: newAcks(), system: system, advanced: advanced,
		quota:  newQuotaGate(q, st),
		commit: st.NewCommitter(), pages: make(chan struct{}, PagesCredits),
	}
	p.in = newIngress(func() { p.tell(0, &messages.AppendReady{}) }, storeTimes{st}, storeIDs{st})
	p.refuseBehind()
	p.ckpt = newCheckpointer(st.SyncFiles, p.in.seal, p.notSynced)
	if p.Broken() != nil {
		p.shut()
	}
	return p
}

// Watch shows in the registry of the tree how many events each stage has let
// through since it was opened.
func (p *Pipeline) Watch(t *supervisor.Tree, group string) {
	for i, name := range Stages {
		passed := &p.stages[i].events
		t.Registry().Entry(group, name).SetCursor(func() string {
			return fmt.Sprintf("%d events", passed.Load())
		})
	}
}

// tell sends a message to stage i; before it first runs there is nobody to
// tell, and the stage looks for work when it starts.
func (p *Pipeline) tell(i int, msg any) {
	if pid := p.stages[i].pid.Load(); pid != nil {
		p.system.Root.Send(pid, msg)
	}
}

func (p *Pipeline) strike(stage, point int) {
	if p.fault != nil {
		p.fault(Stages[stage], point)
	}
}

// Break makes the store read-only: err is a write that failed.
func (p *Pipeline) Break(err error) {
	if p.st.StopWriting(err) {
		p.shut()
	}
}

// shut refuses all work, as the store is read-only.
func (p *Pipeline) shut() {
	err := p.Broken()
	p.log.Error("store is read-only now", slog.Any("error", err))
	p.in.close(err, true)
	p.acks.failAll(err)
}

// ErrStale is returned for appends to our own log while a peer holds more of
// it, signed by us, than we do: appending would fork it.
var ErrStale = errors.New("this store is an older copy of itself and is fetching newer events of its own log back; stay connected and try again")

// ErrRestored is wrapped by every *RestoredError.
var ErrRestored = errors.New("this store was restored from a backup and has met no peer since")

// A RestoredError refuses an append to our own log in a store that was restored from
// a backup and adopted, and has met no peer of the topic since. If the device
// appended after the backup, a peer may hold that, and appending would fork the log.
type RestoredError struct {
	Topic, Log digest.Hash
	Backup     time.Time
}

func (e *RestoredError) Error() string {
	return fmt.Sprintf("%v: if it had appended more than the backup of %s holds, an append now would fork log %s",
		ErrRestored, e.Backup.UTC().Format(time.RFC3339), e.Log.Short())
}

// Is makes the error an ErrRestored.
func (e *RestoredError) Is(target error) bool { return target == ErrRestored }

// refuse refuses appends to a log of ours from now on.
func (p *Pipeline) refuse(log digest.Hash, err error) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if back := p.in.refused[log].back; back != nil {
		close(back)
	}
	p.in.refused[log] = refusal{err: err, until: ^uint64(0)}
}

// stale refuses appends to a log of ours until it holds size events again.
func (p *Pipeline) stale(log digest.Hash, ours, size uint64) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	old := p.in.refused[log]
	if size > old.until || old.err == nil {
		r := refusal{err: fmt.Errorf("%w: it signed %d events, and not all are here", ErrStale, size), from: ours, until: size}
		if old.err != nil {
			r.from = min(old.from, ours)
		}
		if old.back != nil {
			close(old.back)
		}
		p.in.refused[log] = r
	}
}

// Broken returns why the store is read-only, or nil.
func (p *Pipeline) Broken() error { return p.st.ReadOnly() }

// Append makes one event durable and returns its place once it is counted in
// the log's published root. Its time is now, unless the log or what it refers to
// is later (see stamp.go). See fate.go for how it ends otherwise.
func (p *Pipeline) Append(ctx context.Context, log digest.Hash, e Entry, now time.Time) (Place, error) {
	at, ask, err := p.append(ctx, log, e.RecordLen(), func() (ticket, error) { return p.in.appendOne(ctx, log, e, now.UnixMilli()) })
	if err != nil {
		err = ask.complete(err, []Entry{e})
	}
	return at, err
}

// AppendBatch makes events durable in one transaction, all or none, with
// consecutive sequences and one time, and returns the place of the first.
func (p *Pipeline) AppendBatch(ctx context.Context, log digest.Hash, events []Entry, c Conditions, now time.Time) (Place, error) {
	bytes := 0
	for i := range events {
		bytes += events[i].RecordLen()
	}
	at, ask, err := p.append(ctx, log, bytes, func() (ticket, error) { return p.in.appendRun(ctx, log, events, c, now.UnixMilli()) })
	return at, ask.complete(err, events)
}

func (p *Pipeline) append(ctx context.Context, log digest.Hash, bytes int, try func() (ticket, error)) (at Place, ask question, err error) {
	if err := begun(ctx); err != nil {
		return at, ask, err
	}
	l, err := p.st.Log(log)
	if err != nil {
		return at, ask, cmp.Or(p.in.isClosed(), err)
	}
	if backup, unmet := p.st.Unmet(l.Topic); unmet {
		return at, ask, &RestoredError{Topic: l.Topic, Log: log, Backup: backup}
	}
	if err := p.quota.admitLocal(bytes); err != nil {
		return at, ask, err
	}
	ask = question{topic: l.Topic, size: l.Whole().Size}
	at, err = untilDone(ctx, try)
	return at, ask, err
}

// Ingest hands in verified events of another author; a.Done is called when
// they are published. It blocks while the pipeline is full.
func (p *Pipeline) Ingest(ctx context.Context, a *messages.Append) error {
	g := &gathered{Append: *a, done: make(chan struct{})}
	return p.in.enqueue(ctx, g, nil)
}

// Create makes sure that a log has a row, before pages of it come.
func (p *Pipeline) Create(ctx context.Context, log digest.Hash, n messages.NewLog) error {
	g := &gathered{done: make(chan struct{})}
	g.Log, g.Create = log, &n
	if err := p.in.enqueue(ctx, g, nil); err != nil {
		return err
	}
	_, err := ticket{g: g}.wait(ctx)
	return err
}

// IngestPages hands in verified pages of another author's log, which must be
// there already; m.Done is called when they are durable and published.
func (p *Pipeline) IngestPages(ctx context.Context, m *messages.Pages) error {
	if err := p.frozen(m.Log); err != nil {
		return err
	}
	select {
	case p.pages <- struct{}{}:
	case <-p.in.life.Done():
		return p.in.closed
	case <-ctx.Done():
		return ctx.Err()
	}
	own := m.Done
	m.Done = func(err error) {
		<-p.pages
		own(err)
	}
	p.acks.await(m.Log, &ack{end: m.End(), done: m.Done, page: true})
	p.tell(1, m)
	return nil
}

// Idle reports whether nothing is under way: the stages have come to all that is
// committed.
func (p *Pipeline) Idle() bool { return p.in.idle() && len(p.acks.pending()) == 0 }

// Quiesce refuses new work and waits until what is under way is acknowledged,
// or ctx ends.
func (p *Pipeline) Quiesce(ctx context.Context) error {
	p.in.close(ErrClosed, false)
	p.release()
	for {
		if p.Idle() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("closing with work under way: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// Finish is called when the stages have stopped: it syncs full pages, moves
// the cursors, stores the newest heads, and fails whatever is left.
func (p *Pipeline) Finish() error {
	for i := range p.stages {
		p.stages[i].pid.Store(nil) // nobody is there any more
	}
	healthy := p.Broken() == nil
	p.ckpt.close(healthy)
	var err error
	if healthy {
		err = p.finish(p.in.take())
	}
	p.in.close(ErrClosed, true)
	p.acks.failAll(ErrClosed)
	return err
}

// finish commits what waits, but for appends, with the newest heads.
func (p *Pipeline) finish(h *inFlight) (err error) {
	(&inFlight{queue: h.queue}).fail(ErrClosed)
	h.queue, h.work.Appends = nil, nil
	if h.made, err = p.commit.Close(h.work); err != nil {
		p.Break(err)
		h.fail(p.Broken())
		return err
	}
	h.tellChanges()
	return nil
}
