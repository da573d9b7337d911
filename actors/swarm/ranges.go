// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A RangeFetch says which part of a log is wanted.
type RangeFetch struct {
	Topic  *store.Topic
	Log    digest.Hash // or else, if it is zero or nobody has it,
	Author [32]byte    // the log of this author in the topic
	From   uint64      // first event
	To     uint64      // the event after the last; 0 means the newest that a peer holds
	Last   uint64      // only so many events before To; 0 means all
	Newest bool        // the newest first
	Peers  []identity.Address
	Over   transport.Conn // to the only peer to ask, instead of Peers; FetchRange closes it
}

// A RangeReport says what a fetch brought.
type RangeReport struct {
	Log    digest.Hash
	Author [32]byte
	Head   proof.Head        // the newest that a peer told
	Part   syncer.Span       // what was wanted
	Events uint64            // that came and were not held before
	From   []identity.PeerID // who brought them
	Gaps   []syncer.Span     // in Part, that are left
}

// ErrOwnLog is returned for a fetch of ranges of a log of our own: what is
// missing of that must come back from its beginning, by a sync.
var ErrOwnLog = errors.New("the log is this store's own: a sync brings back what is missing of it")

// FetchRange brings a part of a log from peers, as far as it is not held. What
// comes is stored as it comes, and not asked for again.
func (sw *Swarm) FetchRange(ctx context.Context, want RangeFetch) (report RangeReport, err error) {
	if err := sw.Pipeline.Broken(); err != nil {
		return RangeReport{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(sw.Context, func() { cancel(pipeline.ErrClosed) })()
	f := &rangeFetch{sw: sw, want: want, cancel: cancel}
	f.init()
	f.sources = sw.rangeSources(want.Topic, want.Peers, want.Over)
	defer func() { f.hangUp(streams.CodeFor(err)) }()
	if len(f.sources) == 0 {
		return f.report, fmt.Errorf("%w: connect to one that shares the topic, or name its address", ErrNoPeer)
	}
	for _, id := range f.candidates() {
		if id == want.Topic.Log {
			return f.report, fmt.Errorf("%w (log %s)", ErrOwnLog, id.Short())
		}
	}
	if err := f.find(ctx); err != nil {
		return f.report, err
	}
	for more := true; more; {
		before := f.report.Events
		f.wanted()
		f.run(ctx)
		if err := f.finish(ctx); err != nil {
			return f.report, err
		}
		// A range that did not fit its log is missing again.
		more = len(f.report.Gaps) > 0 && f.report.Events > before
	}
	return f.report, nil
}

// A rangeFetch is one FetchRange under way. The units of its plan are the events of
// the part that is wanted, in the order in which they are.
type rangeFetch struct {
	desk
	sw      *Swarm
	want    RangeFetch
	cancel  context.CancelCauseFunc
	sources []*rangeSource
	info    syncer.LogInfo
	report  RangeReport
}

// minShare is the fewest events that are worth a peer of their own.
const minShare = 1024

func (f *rangeFetch) hangUp(code messages.Code) {
	if f.want.Over != nil {
		defer f.want.Over.CloseWithError(uint64(code), "")
	}
	for _, s := range f.sources {
		s.hangUp(code)
	}
}

// find asks all sources for their heads, of the log that is wanted or of each
// that the author may have.
func (f *rangeFetch) find(ctx context.Context) error {
	var errs []error
	for _, id := range f.candidates() {
		var wg sync.WaitGroup
		for _, s := range f.sources {
			wg.Go(func() { s.head, s.err = f.sw.Visits.headOf(ctx, s, s.number(f.want.Topic.ID), f.want.Topic, id) })
		}
		wg.Wait()
		errs = errs[:0]
		var here []*rangeSource
		for _, s := range f.sources {
			if s.err != nil {
				errs = append(errs, fmt.Errorf("from %s: %w", s.Peer().Short(), s.err))
				continue
			}
			here = append(here, s)
			f.info = s.head.Info
			if s.head.Head.Size > f.report.Head.Size {
				f.report.Head = s.head.Head
			}
			f.report.Part.End = max(f.report.Part.End, s.head.First)
		}
		if len(here) > 0 {
			for _, s := range f.sources {
				if s.err != nil {
					s.hangUp(messages.CodeOK)
				}
			}
			f.sources = here
			f.report.Log, f.report.Author = f.info.Log, f.info.Author
			return f.heads(ctx)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// candidates are the ids that the log may have; of an author, its first log.
func (f *rangeFetch) candidates() (ids []digest.Hash) {
	if !f.want.Log.IsZero() {
		ids = append(ids, f.want.Log)
	}
	if f.want.Author == [32]byte{} {
		return ids
	}
	for pageBytes := uint32(4096); pageBytes <= 65536; pageBytes *= 2 {
		ids = append(ids, identity.DataLog(f.want.Topic.ID, f.want.Author, pageBytes).ID())
	}
	return ids
}

// heads holds the heads that were told against what is held.
func (f *rangeFetch) heads(ctx context.Context) error {
	l, err := f.sw.Store.Log(f.info.Log)
	if errors.Is(err, store.ErrUnknownLog) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range f.sources {
		if _, err := f.sw.news(ctx, l, s.head); err != nil {
			return err
		}
	}
	return nil
}

// wanted finds out which part is wanted, and shares what is not held of it among the
// sources.
func (f *rangeFetch) wanted() {
	part := &f.report.Part
	if part.First = f.want.From; f.want.To > 0 {
		part.End = f.want.To
	}
	if f.want.Last > 0 && part.End > f.want.Last {
		part.First = max(part.First, part.End-f.want.Last)
	}
	gaps := f.gaps(*part)
	var events uint64
	for _, g := range gaps {
		events += g.End - g.First
	}
	each := max(events, 1)
	if n := uint64(len(f.sources)); n > 1 {
		each = max(minShare, events/(4*n)+1)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.turn(*part)
	f.plan = syncer.NewWindows[Source](all.First, math.MaxUint64-all.First, syncer.WindowSize{Least: each, Most: each})
	for _, s := range f.sources {
		if f.bad[s] == nil {
			f.plan.Join(s, all.End)
		}
	}
	held := part.First
	for _, g := range append(gaps, syncer.Span{First: part.End, End: part.End}) {
		f.plan.Held(f.turn(syncer.Span{First: held, End: g.First}))
		held = g.End
	}
	f.over = f.plan.Idle()
}

// turn makes units of the plan of events, and events of units: they are the same, but
// if the newest are to come first, units count down from the end of the part.
func (f *rangeFetch) turn(s syncer.Span) syncer.Span {
	if end := f.report.Part.End; f.want.Newest {
		return syncer.Span{First: end - s.End, End: end - s.First}
	}
	return s
}

// gaps returns what is not held of a part of the log.
func (f *rangeFetch) gaps(part syncer.Span) []syncer.Span {
	if part.First >= part.End {
		return nil
	}
	l, err := f.sw.Store.Log(f.info.Log)
	if err != nil {
		return []syncer.Span{part}
	}
	return f.sw.Store.GapsIn(l, part)
}

// finish puts what the prefix has reached into the log, and says what is left
// and why.
func (f *rangeFetch) finish(ctx context.Context) error {
	if _, err := f.sw.Store.Log(f.info.Log); err == nil && ctx.Err() == nil {
		if err := f.sw.absorb(ctx, f.info.Log); err != nil {
			return err
		}
	}
	f.report.Gaps = f.gaps(f.report.Part)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var errs []error
	for _, s := range f.sources {
		if err := f.bad[s]; err != nil {
			f.sw.Logger.Info("a peer did not bring what was asked of it", slog.String("peer", s.Peer().Short()), slog.Any("error", err))
			errs = append(errs, fmt.Errorf("from %s: %w", s.Peer().Short(), err))
		}
	}
	if len(f.report.Gaps) == 0 {
		return nil
	}
	return errors.Join(errs...)
}
