// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Bounds of the ingress. Together they bound the memory of everything between
// a caller and the root.
const (
	batchEvents  = 1024      // events that callers may gather in one batch
	batchBytes   = 256 << 10 // and their bytes; a single larger append is a batch of its own
	credits      = 1024      // for batches on their way, each of
	creditBytes  = 8 << 10   // their bytes
	maxBatch     = 32 << 20  // bytes of one AppendBatch
	PagesCredits = 8         // runs of a peer's pages on their way
)

// ErrClosed is returned for work handed to a store that is closing.
var ErrClosed = errors.New("store is closed")

// The ingress is where events wait for the AOF writer. Callers encode and hash
// in their own goroutines and gather in one batch per log; the AOF writer
// takes everything that waits at once and commits it together.
//
// Back-pressure is a fixed pool of credits: a batch takes one for each 8 KiB,
// the first when it is begun, and returns them when its events are acknowledged.
// So many small logs are committed together, and large batches are few.
type ingress struct {
	ready  func() // tells the AOF writer that something waits
	credit *semaphore.Weighted

	mu      sync.Mutex // guards all below but buffers
	closed  error      // why nothing more is taken
	queue   []*gathered
	open    map[digest.Hash]*gathered // batches that callers may still join
	changes []pendingChange
	sealed  []*messages.Sealed
	told    bool                    // ready was called since the last take
	usual   int                     // bytes of a recent batch
	refused map[digest.Hash]refusal // own logs that take no appends
	buffers sync.Pool               // of the records of batches
	joined  int                     // events put into open batches so far
	clocks  map[digest.Hash]*logClock
	times   times

	ids      ids
	inFlight map[messages.IDKey]ticket // of events that have an id and are not committed yet

	life context.Context // ends when closed is set
	die  context.CancelFunc
}

// A gathered append is one that several callers may share.
type gathered struct {
	messages.Append
	done     chan struct{} // closed when err is set
	err      error
	clock    *logClock       // of an own log
	hashing  sync.WaitGroup  // leaves that are reserved in Leaves and not there yet
	older    [][]digest.Hash // leaves before those in Leaves, which stay where callers write them
	events   int
	ms       int64       // that all events of a run carry, once it is known; guarded by ingress.mu
	repeated int         // events of a run that were here already
	others   []*gathered // whose events some of those are, not committed yet
	awaited  bool        // registered for acknowledgement; the AOF writer's
	fate     fated       // changed by the AOF writer, which may fail it
	credits  int64
}

// creditsFor returns how many credits a batch of so many bytes takes.
func creditsFor(bytes int) int64 {
	return min(1+int64(max(bytes-1, 0))/creditBytes, credits)
}

func newIngress(ready func(), t times, i ids) *ingress {
	in := &ingress{
		ready: ready, credit: semaphore.NewWeighted(credits),
		open: map[digest.Hash]*gathered{}, refused: map[digest.Hash]refusal{},
		clocks: map[digest.Hash]*logClock{}, times: t, ids: i, inFlight: map[messages.IDKey]ticket{},
	}
	in.life, in.die = context.WithCancel(context.Background())
	return in
}

// A ticket is a place in the log that is not known yet.
type ticket struct {
	g     *gathered
	log   digest.Hash
	index uint64 // of the first event in g
	ms    int64  // time that the events carry

	repeated int // events that were here already; if all were, this is the first one
}

// A Place is where appended events are.
type Place struct {
	Log      digest.Hash
	Seq      uint64 // of the first
	Time     int64  // that all of them carry, milliseconds since 1970
	Repeated int    // events that were not appended, as ones with their ids are here
}

// wait returns the place of the ticket's first event once it is durable and in
// the root. If ctx ends first, its fate is not known.
func (t ticket) wait(ctx context.Context) (Place, error) {
	if err := t.g.await(ctx); err != nil {
		return Place{}, err
	}
	if t.g.err != nil {
		return Place{}, t.g.judge(t.g.First+t.index, t.g.err)
	}
	for _, g := range t.g.others { // whose events a run repeats
		if err := g.await(ctx); err != nil {
			return Place{}, err
		}
		if g.err != nil {
			return Place{}, fmt.Errorf("%w: %w", errAbandoned, g.err)
		}
	}
	if t.ms == 0 {
		t.ms = t.g.ms // of a run that somebody else appends
	}
	return Place{Log: t.log, Seq: t.g.First + t.index, Time: t.ms, Repeated: t.repeated}, nil
}

// await waits until g is done, which it may be when ctx has ended already.
func (g *gathered) await(ctx context.Context) error {
	select {
	case <-g.done:
		return nil
	default:
	}
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return g.givenUp(ctx.Err())
	}
}

// appendOne puts an event into the open batch of its log. It is hashed here, in
// its caller's goroutine: the payload before the event has a time, the leaf,
// which holds it, once the event has its place. now is in milliseconds since
// 1970.
func (in *ingress) appendOne(ctx context.Context, log digest.Hash, e Entry, now int64) (ticket, error) {
	if err := e.Check(now, e.Flags); err != nil {
		return ticket{}, err
	}
	n := e.RecordLen()
	if n > batchBytes {
		return in.appendRun(ctx, log, []Entry{e}, Conditions{}, now)
	}
	seen, err := in.seen(log, &e)
	if err != nil {
		return ticket{}, err
	}
	key, err := in.keyOf(log, e.id())
	if err != nil {
		return ticket{}, err
	}
	payload := digest.Sum(e.Payload)
	g, err := in.join(ctx, log, n)
	if err != nil {
		return ticket{}, err
	}
	if t, found, err := in.repeats(key); found || err != nil {
		in.mu.Unlock()
		return t, err
	}
	t := ticket{g: g, log: log, index: uint64(g.events), ms: g.clock.stamp(now, seen)}
	if g.Records, err = event.AppendRecord(g.Records, e.Event, t.ms, e.Flags); err != nil {
		in.mu.Unlock() // not after Check
		return ticket{}, err
	}
	in.reserve(key, t)
	slot := g.slot()
	in.joined++
	in.mu.Unlock()
	*slot = e.LeafHashOf(payload, t.ms, e.Flags)
	g.hashing.Done()
	return t, nil
}

// appendRun enqueues events as a batch of their own, all of one time.
func (in *ingress) appendRun(ctx context.Context, log digest.Hash, events []Entry, c Conditions, now int64) (ticket, error) {
	bytes, seen := 0, int64(0)
	for i := range events {
		if err := events[i].Check(now, events[i].Flags); err != nil {
			return ticket{}, err
		}
		bytes += events[i].RecordLen()
		at, err := in.seen(log, &events[i])
		if err != nil {
			return ticket{}, err
		}
		seen = max(seen, at)
	}
	if bytes > maxBatch && len(events) > 1 {
		return ticket{}, fmt.Errorf("%w: a batch of %d bytes, limit %d; append it in parts", event.ErrTooLarge, bytes, maxBatch)
	}
	g := &gathered{done: make(chan struct{})}
	g.Expect = c.Expect
	events, t, err := in.reserveRun(g, log, events, c.Whole)
	if err != nil || len(events) == 0 {
		return t, err
	}
	if t, err = in.run(ctx, g, events, bytes, now, seen); err != nil {
		in.fail(g, err)
	}
	return t, err
}

// run enqueues g with events, which have so many bytes at most; seen is the
// first time after their refs.
func (in *ingress) run(ctx context.Context, g *gathered, events []Entry, bytes int, now, seen int64) (ticket, error) {
	g.events = len(events)
	g.Records, g.Recycle, g.Leaves = in.buffer(bytes), in.recycle, make([]digest.Hash, len(events))
	for i := range events {
		var err error
		if g.Records, err = event.AppendRecord(g.Records, events[i].Event, now, events[i].Flags); err != nil {
			return ticket{}, err
		}
		g.Leaves[i] = digest.Sum(events[i].Payload) // until the leaf is known
	}
	t := ticket{g: g, log: g.Log, repeated: g.repeated}
	if err := in.enqueue(ctx, g, func() { t.ms = g.stamp(in.clockOf(g.Log).stamp(now, seen)) }); err != nil {
		return ticket{}, err
	}
	defer g.hashing.Done()
	for i, rest := 0, g.Records; i < len(events); i++ {
		event.SetTime(rest, t.ms)
		rest = rest[events[i].RecordLen():]
		g.Leaves[i] = events[i].LeafHashOf(g.Leaves[i], t.ms, events[i].Flags)
	}
	return t, nil
}

// join returns an open batch with room for n bytes, with in.mu held.
func (in *ingress) join(ctx context.Context, log digest.Hash, n int) (*gathered, error) {
	in.mu.Lock()
	if g := in.roomIn(log, n); g != nil && in.refuses(log) == nil {
		return g, nil
	}
	in.mu.Unlock()
	units := creditsFor(n)
	if err := in.acquire(ctx, units); err != nil {
		return nil, err
	}
	in.mu.Lock()
	if err := in.refuses(log); err != nil {
		defer in.mu.Unlock()
		in.credit.Release(units)
		return nil, err
	}
	if g := in.roomIn(log, n); g != nil {
		in.credit.Release(units) // somebody else began one meanwhile
		return g, nil
	}
	g := &gathered{done: make(chan struct{}), credits: units, clock: in.clockOf(log)}
	g.Log = log
	g.Records, g.Recycle = in.buffer(max(in.usual, n)), in.recycle // most batches are like the one before
	g.Leaves = make([]digest.Hash, 0, 8+in.usual/512)
	in.open[log] = g
	in.push(g)
	return g, nil
}

// roomIn returns the open batch of a log if it has room, and credits, for n
// bytes more; in.mu is held.
func (in *ingress) roomIn(log digest.Hash, n int) *gathered {
	g := in.open[log]
	if g == nil || g.events >= batchEvents || len(g.Records)+n > batchBytes {
		return nil
	}
	if more := creditsFor(len(g.Records)+n) - g.credits; more > 0 {
		if !in.credit.TryAcquire(more) {
			return nil
		}
		g.credits += more
	}
	return g
}

// maxRecycled bounds a buffer that is kept for another batch.
const maxRecycled = 1 << 20

// buffer returns an empty buffer with room for n bytes.
func (in *ingress) buffer(n int) []byte {
	if b, ok := in.buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

func (in *ingress) recycle(b []byte) {
	if cap(b) <= maxRecycled {
		in.buffers.Put(&b)
	}
}

// enqueue waits for credits and puts g in the queue. For events of ours, stamp
// is called first, with in.mu held: nothing of their log may be put before them
// any more, and their hashes are awaited.
func (in *ingress) enqueue(ctx context.Context, g *gathered, stamp func()) error {
	g.credits = creditsFor(len(g.Records))
	if err := in.acquire(ctx, g.credits); err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	err := in.closed
	switch {
	case err != nil:
	case g.Remote != nil:
		err = in.marked(g.Log)
	case len(g.Leaves) > 0:
		err = in.refuses(g.Log)
	}
	if err != nil {
		in.credit.Release(g.credits)
		return err
	}
	if stamp != nil {
		delete(in.open, g.Log)
		g.hashing.Add(1)
		stamp()
	}
	in.push(g)
	return nil
}

// push queues g; in.mu is held and g has its credits.
func (in *ingress) push(g *gathered) {
	own := g.Done
	g.Done = func(err error) {
		in.credit.Release(g.credits)
		in.release(g)
		g.err = err
		close(g.done)
		if own != nil {
			own(err)
		}
	}
	in.queue = append(in.queue, g)
	in.tell()
}

// seal queues a sealed cursor.
func (in *ingress) seal(m *messages.Sealed) {
	in.mu.Lock()
	in.sealed = append(in.sealed, m)
	in.tell()
	in.mu.Unlock()
}

func (in *ingress) tell() {
	if !in.told {
		in.told = true
		in.ready()
	}
}

// settle lets callers that are about to append do so, as long as more keep
// coming: those that one acknowledgement woke belong in one commit. It costs a
// lone caller next to nothing.
func (in *ingress) settle() {
	const rounds = 64 // a bound for callers that never pause
	before := -1
	for range rounds {
		in.mu.Lock()
		now := in.joined
		in.mu.Unlock()
		if now == before {
			return
		}
		before = now
		runtime.Gosched()
	}
}

// take hands over all that waits, once it is hashed. Batches that were open are
// closed by it.
func (in *ingress) take() *inFlight {
	h := in.takeQueue()
	for _, g := range h.queue {
		g.hashed()
		h.work.Appends = append(h.work.Appends, &g.Append)
	}
	for _, c := range h.changes {
		h.work.Changes = append(h.work.Changes, c.Change)
	}
	return h
}

func (in *ingress) takeQueue() *inFlight {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.told = false
	for _, g := range in.open {
		in.usual = len(g.Records)
	}
	clear(in.open)
	h := &inFlight{work: &store.Work{Sealed: in.sealed}, queue: in.queue, changes: in.changes}
	in.queue, in.sealed, in.changes = nil, nil, nil
	return h
}

// isClosed returns why nothing more is taken, or nil.
func (in *ingress) isClosed() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// idle reports whether nothing waits.
func (in *ingress) idle() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.queue)+len(in.changes)+len(in.sealed) == 0
}

// acquire waits for credits.
func (in *ingress) acquire(ctx context.Context, n int64) error {
	if in.credit.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(in.life, cancel)()
	err := in.credit.Acquire(ctx, n)
	if err != nil && in.life.Err() != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		return in.closed
	}
	return err
}

// close refuses all further work with err, and what waits in the queue too
// if drop is set.
func (in *ingress) close(err error, drop bool) {
	in.mu.Lock()
	if in.closed == nil {
		in.closed = err
		in.die()
	}
	in.mu.Unlock()
	if drop {
		in.take().fail(err)
	}
}
