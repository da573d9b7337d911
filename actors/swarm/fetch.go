// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"sync"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of a fetch.
const (
	fetchAhead   = 32 << 20 // bytes of pages that may wait for those before them
	fetchStreams = 2        // windows of one source under way, so that none waits for a round trip
	maxTailBytes = 32 << 20 // of events after the last page
)

// A fetch brings the pages of one log from every peer that holds them. Sources
// join it and fetch windows of pages, which syncer.Windows plans;
// one goroutine takes the pages in, in order, verifies them and hands them to a sink
// (assemble.go). Because it verifies in order, it knows which source a page
// that is not right came from, drops that source, and lets others bring the
// page.
type fetch struct {
	desk
	visits Visits
	ctx    context.Context // ends with whoever wants the pages
	sink   sink
	info   syncer.LogInfo

	bounds
	spare  *spare
	runs   map[uint64]run // by first page, those that wait
	tail   *tail          // the events after the last page
	joined int            // sources ever
	coming int            // sources that may join yet
	err    error          // why it ended, if that is no source's fault
}

// A sink takes what a fetch verified, in order. One goroutine calls it.
type sink interface {
	// room reports whether so many bytes may be taken, before they are
	// verified.
	room(bytes int) error
	// pages and events store what is verified. They need not wait until it is.
	pages(s Source, v *syncer.VerifiedPages) error
	events(s Source, v *syncer.Verified) error
	// wait returns once all of it is stored.
	wait() error
}

// A run is pages that came and are not verified yet.
type run struct {
	from, end uint64
	source    Source
	msg       *messages.PageResponse
	bytes     []byte
}

// fetches is the fetches under way, by log.
type fetches struct {
	mu    sync.Mutex // guards byLog
	byLog map[digest.Hash]*fetch
}

// Pull fetches the pages of one log, and the events behind them, from a source and
// all others that are at it, and returns what became of it for this source, and
// whether others helped.
func (sw *Swarm) Pull(s Source, o syncer.Pull) (others bool, err error) {
	f, err := sw.fetchFrom(s, o)
	if err != nil {
		return false, err
	}
	return f.source(s, o)
}

// fetchFrom adds a source to the fetch of a log, which is begun if there is none.
func (sw *Swarm) fetchFrom(s Source, o syncer.Pull) (*fetch, error) {
	k := &sw.fetches
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.byLog[o.Info.Log]
	if f == nil {
		t, err := syncer.NewTransfer(sw.Store.Source(), o)
		if err != nil {
			return nil, err
		}
		to := newStoring(sw, o.Info.Log)
		f = newFetch(sw.Context, sw.Visits, o.Info, to)
		t.Room, to.spare = f.spare.take, f.spare
		f.plan = syncer.NewWindows[Source](t.Request().From, f.ahead(), syncer.PageWindows)
		k.byLog[o.Info.Log] = f
		f.join(s, o.Pages)
		sw.Go(func() {
			_, err := f.assemble(t)
			k.forget(o.Info.Log) // the next fetch begins from what is stored
			f.end(err)
		})
		return f, nil
	}
	f.join(s, o.Pages)
	return f, nil
}

func newFetch(ctx context.Context, v Visits, info syncer.LogInfo, to sink) *fetch {
	f := &fetch{ctx: ctx, visits: v, info: info, sink: to, spare: &spare{}, runs: map[uint64]run{}}
	f.init()
	return f
}

// ahead is how many pages may wait for those before them.
func (f *fetch) ahead() uint64 { return fetchAhead / uint64(f.info.PageBytes) }

func (k *fetches) forget(log digest.Hash) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byLog, log)
}

// Sources returns how many sources the fetch of a log has.
func (sw *Swarm) Sources(log digest.Hash) int {
	sw.fetches.mu.Lock()
	f := sw.fetches.byLog[log]
	sw.fetches.mu.Unlock()
	if f == nil {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan.Sources()
}

func (f *fetch) join(s Source, pages uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.bad[s] != nil {
		return // the source is told
	}
	f.plan.Join(s, pages)
	f.joined++
	f.changed.Broadcast()
}

// errElsewhere is why a source that was dropped may not join again.
var errElsewhere = errors.New("the log is being fetched from others")

// source works for a fetch until it is over, and says what became of it for
// this source, and whether others helped.
func (f *fetch) source(s Source, o syncer.Pull) (others bool, err error) {
	f.work(s, fetchStreams,
		func(w *syncer.Window[Source]) error { return f.window(s, w, o.Topic) },
		func(w *syncer.Window[Source], err error) { f.finish(s, w, err, false) })
	err = f.left(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		err = f.err
	}
	if err == nil {
		err = s.Context().Err()
	}
	return f.joined > 1, err
}

// left says what was wrong with a source that does nothing more for a fetch.
func (f *fetch) left(s Source) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leave(s, nil)
	return f.bad[s]
}

// finish takes note of how a window ended. lost says that the source is not there
// any more.
func (f *fetch) finish(s Source, w *syncer.Window[Source], err error, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	var v *syncer.Violation
	switch {
	case w.Gone, f.over: // whatever came then, nobody looked at it
	case err == errAgain:
		f.plan.Settle(w, syncer.Span{First: w.At, End: w.End})
	case err == nil:
		f.plan.Done(w)
	case s.Context().Err() != nil:
		f.leave(s, nil)
	case !lost && streams.CutOff(err) && w.At > w.From: // what came before is as good as any
		f.leave(s, err)
	case !lost && !errors.As(err, &v) && f.plan.Refused(w):
	default:
		f.drop(s, err)
	}
}

// drop ends what a source does for the fetch; mu is held.
func (f *fetch) drop(s Source, err error) {
	f.leave(s, err)
	for from, r := range f.runs { // nobody knows whether these are right
		if r.source == s {
			delete(f.runs, from)
			f.plan.Lost(r.from, r.end)
		}
	}
	if f.tail != nil && f.tail.source == s {
		f.tail = nil
	}
	f.changed.Broadcast()
}

// errLeft is why a source does nothing more for a fetch: its topic was left.
var errLeft = errors.New("the topic is not shared with the peer any more")

// Leave ends what a source does for the fetches of a topic.
func (sw *Swarm) Leave(s Source, topic identity.TopicID) {
	k := &sw.fetches
	k.mu.Lock()
	var all []*fetch
	for _, f := range k.byLog {
		if f.info.Topic == topic {
			all = append(all, f)
		}
	}
	k.mu.Unlock()
	for _, f := range all {
		f.mu.Lock()
		f.drop(s, errLeft)
		f.mu.Unlock()
	}
}

// end ends the fetch, and what sources still bring for it.
func (f *fetch) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.err = true, err
	f.runs, f.tail = nil, nil
	f.plan.Close()
	f.changed.Broadcast()
}
