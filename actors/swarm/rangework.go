// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// run lets all sources work until nothing is left that one of them may bring.
func (f *rangeFetch) run(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock() // who looked before waits by now
		defer f.mu.Unlock()
		f.changed.Broadcast()
	})()
	var wg sync.WaitGroup
	for _, s := range f.sources {
		wg.Go(func() {
			for it, ok := f.take(ctx, s); ok; it, ok = f.take(ctx, s) {
				f.done(s, it, f.fetch(ctx, s, it.Span))
			}
		})
	}
	wg.Wait()
}

// take waits for something to ask a source for; false says that there is none.
func (f *rangeFetch) take(ctx context.Context, s *rangeSource) (it rangeItem, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ctx.Err() == nil && s.err == nil {
		at := slices.IndexFunc(f.todo, func(it rangeItem) bool { return !slices.Contains(it.not, s) })
		if at >= 0 {
			it = f.todo[at]
			f.todo = slices.Delete(f.todo, at, at+1)
			f.busy++
			return it, true
		}
		if f.busy == 0 {
			break
		}
		f.changed.Wait()
	}
	return it, false
}

// errAgain says that a source is to go on where it was cut off.
var errAgain = errors.New("cut off")

// done gives back what a source did not bring.
func (f *rangeFetch) done(s *rangeSource, it rangeItem, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	f.busy--
	not := slices.Clone(it.not)
	if err != errAgain {
		not, s.err = append(not, s), err
	}
	for _, gap := range f.gaps(it.Span) {
		f.todo = append(f.todo, rangeItem{Span: gap, not: not})
	}
	f.order()
}

// fetch asks a source for a span and stores what comes.
func (f *rangeFetch) fetch(ctx context.Context, s *rangeSource, span syncer.Span) error {
	req := &messages.RangeRequest{Topic: s.number(f.want.Topic.ID), Log: f.info.Log, From: span.First, To: span.End, Newest: f.want.Newest}
	var stored uint64
	err := f.sw.askRange(ctx, s, req, f.info, func(r *syncer.Range) error {
		if r.Count == 0 {
			return nil
		}
		events, err := f.sw.keep(ctx, s.Peer(), r)
		if err != nil && !ofPeer(err) {
			f.cancel(err) // no other peer can help
		}
		stored += events
		return err
	})
	f.brought(s, stored)
	if err != nil && stored > 0 && s.comesAgain(ctx, err) {
		return errAgain
	}
	return err
}

// ofPeer tells an error of storing that another peer may not meet.
func ofPeer(err error) bool {
	var q *pipeline.QuotaError
	return errors.Is(err, errAstray) || errors.As(err, &q) && (q.Bound == pipeline.BoundPeer || q.Bound == pipeline.BoundPeerLogs)
}

func (f *rangeFetch) brought(s *rangeSource, events uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Events += events
	s.Brought(events, 0)
	if peer := s.Peer(); events > 0 && !slices.Contains(f.report.From, peer) {
		f.report.From = append(f.report.From, peer)
	}
}
