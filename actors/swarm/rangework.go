// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// run lets all sources work until nothing is left that one of them may bring.
func (f *rangeFetch) run(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = true
		f.changed.Broadcast()
	})()
	var wg sync.WaitGroup
	for _, s := range f.sources {
		wg.Go(func() {
			f.work(s, 1,
				func(w *syncer.Window[Source]) error { return f.window(ctx, s, w) },
				func(w *syncer.Window[Source], err error) { f.settle(s, w, err) })
		})
	}
	wg.Wait()
}

// errAgain says that a source is to go on where it was cut off.
var errAgain = errors.New("cut off")

// settle takes note of how a window ended. Events of it that are not held then are left to
// other sources, unless this one was only cut off.
func (f *rangeFetch) settle(s *rangeSource, w *syncer.Window[Source], err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	if w.Gone {
		return
	}
	var missing []syncer.Span
	for _, gap := range f.gaps(f.turn(syncer.Span{First: w.From, End: w.End})) {
		missing = append(missing, f.turn(gap))
	}
	f.plan.Settle(w, missing...)
	for _, m := range missing {
		if err != errAgain {
			f.plan.Lacks(s, m)
		}
	}
	if err != nil && err != errAgain {
		f.leave(s, err)
	}
	f.over = f.over || f.plan.Idle()
}

// window asks a source for a window of events and stores what comes.
func (f *rangeFetch) window(ctx context.Context, s *rangeSource, w *syncer.Window[Source]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if f.taken(w, cancel) {
		return nil
	}
	span := f.turn(syncer.Span{First: w.From, End: w.End})
	req := &messages.RangeRequest{Topic: s.number(f.want.Topic.ID), Log: f.info.Log, From: span.First, To: span.End, Newest: f.want.Newest}
	var stored uint64
	err := f.sw.Visits.askRange(ctx, s, req, f.info, func(r *syncer.Range) error {
		if r.Count == 0 {
			return nil
		}
		events, err := f.sw.keep(ctx, r)
		if err != nil && !errors.Is(err, errOtherHistory) {
			f.cancel(err) // another peer brings the same
		}
		stored += events
		if more := f.got(s, w, r, events); err == nil && !more {
			err = errOver
		}
		return err
	})
	if err != nil && stored > 0 && s.comesAgain(ctx, err) {
		return errAgain
	}
	return err
}

// got counts what came of a window and is stored, and reports whether more is wanted.
func (f *rangeFetch) got(s *rangeSource, w *syncer.Window[Source], r *syncer.Range, events uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Events += events
	s.Brought(events, 0)
	if peer := s.Peer(); events > 0 && !slices.Contains(f.report.From, peer) {
		f.report.From = append(f.report.From, peer)
	}
	part := f.report.Part
	if came := (syncer.Span{First: max(r.First, part.First), End: min(r.End(), part.End)}); came.First < came.End && !w.Gone {
		if at := min(f.turn(came).End, w.End); at > w.At {
			f.plan.Got(w, at-w.At, time.Now())
		}
	}
	return !w.Gone
}
