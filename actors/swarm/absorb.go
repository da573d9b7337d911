// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Reached looks whether the prefix of a log reached a range, or a head in doubt.
// It returns at once.
func (sw *Swarm) Reached(l *store.Log) {
	first, some := sw.Store.FirstRange(l.ID)
	doubt, doubted := sw.Store.Doubt(l.ID)
	_, closed := l.Closed()
	if size := l.State().Size; some && closed != 0 || some && first.First <= size || doubted && doubt.Size <= size {
		sw.AbsorbSoon(l.ID)
	}
}

// AbsorbAll takes up what an earlier process left.
func (sw *Swarm) AbsorbAll() {
	for _, id := range append(sw.Store.RangeLogs(), sw.Store.Doubts()...) {
		sw.AbsorbSoon(id)
	}
}

// AbsorbSoon puts what was fetched of a log into it, as far as its prefix has reached
// that. It returns at once.
func (sw *Swarm) AbsorbSoon(log digest.Hash) {
	k := &sw.ranges
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	if k.reached == nil {
		k.reached = map[digest.Hash]struct{}{}
	}
	k.reached[log] = struct{}{}
	if !k.running {
		k.running = true
		sw.Go(sw.absorbReached)
	}
}

// next returns a log to look at; false ends the goroutine that does.
func (k *keeper) next() (log digest.Hash, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for log = range k.reached {
		delete(k.reached, log)
		return log, true
	}
	k.running = false
	return log, false
}

func (sw *Swarm) absorbReached() {
	for {
		log, ok := sw.ranges.next()
		if !ok {
			return
		}
		if err := sw.absorb(sw.Context, log); err != nil && sw.Context.Err() == nil {
			sw.Logger.Warn("ranges wait to be put into their log", slog.String("log", log.String()), slog.Any("error", err))
		}
	}
}

// absorb puts the ranges that the prefix of a log has reached into the log.
func (sw *Swarm) absorb(ctx context.Context, log digest.Hash) error {
	sw.ranges.storing.Lock()
	defer sw.ranges.storing.Unlock()
	st := sw.Store
	l, err := st.Log(log)
	if err != nil {
		return err
	}
	for {
		if err := sw.settleDoubt(ctx, l); err != nil {
			return err
		}
		span, ok := st.FirstRange(log)
		_, closed := l.Closed()
		if !ok || l.Row().Frozen || closed == 0 && span.First > l.State().Size {
			return nil
		}
		r, err := st.ReadRange(l, span)
		damaged := errors.Is(err, store.ErrCorrupt) // the row of the range, and nothing else of the log
		if err == nil && closed == 0 {
			err = sw.into(ctx, l, r)
		}
		switch {
		case closed != 0: // nothing is behind its end
		case damaged, errors.Is(err, errOtherHistory):
			sw.Logger.Warn("a range is dropped; it can be fetched again", slog.String("log", log.String()),
				slog.Uint64("from", span.First), slog.Uint64("to", span.End), slog.Any("error", err))
		case errors.Is(err, store.ErrGap), errors.Is(err, store.ErrOtherHistory):
			return nil // others are bringing the same events: at the next change of the log
		case err != nil:
			return err
		}
		if err := sw.Pipeline.Do(ctx, &store.DropRange{Log: log, Span: span}); err != nil {
			return err
		}
	}
}

var errOtherHistory = errors.New("the range is of another history of the log than the one held")

// into appends the events of a range to their log, as far as the log does not
// hold them, and returns when they are published. They are verified again,
// behind the log's own.
func (sw *Swarm) into(ctx context.Context, l *store.Log, r *syncer.Range) error {
	src, size := sw.Store.Source(), l.State().Size
	own, _, err := src.Log(l.ID)
	if err != nil {
		return err
	}
	left, err := src.PeaksAt(l.ID, min(size, r.End()))
	if err != nil {
		return err
	}
	if r.End() <= size {
		return sw.evidence(ctx, l, r, r.Fits(own, left))
	}
	before, err := src.Time(l.ID, size)
	if err != nil {
		return err
	}
	v, err := r.Follow(own, size, before, left)
	if err != nil {
		return sw.evidence(ctx, l, r, err)
	}
	done := make(chan error, 1)
	a := pipeline.AppendOf(v)
	a.Done = func(err error) { done <- err }
	if err := sw.Pipeline.Ingest(ctx, a); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// evidence freezes a log of which a range is of another history than the prefix,
// if that can be proven.
func (sw *Swarm) evidence(ctx context.Context, l *store.Log, r *syncer.Range, err error) error {
	if err == nil {
		return nil
	}
	sw.Refused(messages.CodeFork)
	if frozen := sw.forked(ctx, l, r); frozen != nil {
		return frozen
	}
	if _, doubted := sw.Store.Doubt(l.ID); !doubted {
		if err := sw.Pipeline.Do(ctx, &store.SetDoubt{Log: l.ID, Head: r.Head}); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errOtherHistory, err)
}

// settleDoubt freezes a log whose prefix contradicts a head that was kept, once
// it is long enough to tell.
func (sw *Swarm) settleDoubt(ctx context.Context, l *store.Log) error {
	st := sw.Store
	h, doubted := st.Doubt(l.ID)
	if !doubted || h.Size > l.State().Size {
		return nil
	}
	if err := sw.forked(ctx, l, &syncer.Range{Head: h}); err != nil && !errors.Is(err, store.ErrFrozen) {
		return err
	}
	return sw.Pipeline.Do(ctx, &store.SetDoubt{Log: l.ID})
}

// forked freezes the log if the head of a range contradicts another one. The
// error is ErrFrozen then.
func (sw *Swarm) forked(ctx context.Context, l *store.Log, r *syncer.Range) error {
	f, found, err := sw.Store.RangeFork(l, r)
	if err != nil || !found {
		return err
	}
	if err := sw.Pipeline.Freeze(ctx, f); err != nil {
		return err
	}
	sw.Logger.Warn("a log is frozen: its author signed two heads that cannot both be true", slog.String("log", l.ID.String()),
		slog.Uint64("size", f.Old.Size), slog.Uint64("other size", f.New.Size))
	return fmt.Errorf("%w (log %s)", store.ErrFrozen, l.ID.Short())
}
