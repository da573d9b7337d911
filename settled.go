// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/order"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// An Order says in which order the events of several logs come. Those of one log are
// always in the order of their sequences.
type Order uint8

// The orders.
const (
	// ByLog is log by log of what is there; the logs that have something new in turn.
	ByLog Order = iota
	// Settled is by time, log id and sequence, an event never before those that it refers
	// to: the same on every device that holds the same. Events of which a ref is not
	// here wait for it.
	//
	// Events yields all that is there. Subscribe yields an event once every log has one
	// of a later time, since none that comes is earlier then, or once it is as old as
	// Query.SettleAfter says. What comes behind that all the same has Record.Late set.
	Settled
)

// String names o.
func (o Order) String() string {
	switch o {
	case ByLog:
		return "by log"
	case Settled:
		return "settled"
	}
	return fmt.Sprintf("Order(%d)", uint8(o))
}

// checkOrder checks what a query says of order.
func (q *Query) checkOrder() error {
	switch {
	case q.Order > Settled:
		return fmt.Errorf("%w: there is no %v", ErrOptions, q.Order)
	case q.SettleAfter < 0:
		return fmt.Errorf("%w: SettleAfter is %v, want 0 or more", ErrOptions, q.SettleAfter)
	case q.Order == Settled && (q.Ranges || q.CaughtUp != nil):
		return fmt.Errorf("%w: the settled order knows no Ranges and no CaughtUp", ErrOptions)
	}
	return nil
}

// ownLag is how long an event of this store's own may be on its way to the disk: none
// that comes is older by more.
const ownLag = 5 * time.Second

// settling reads logs in the settled order.
type settling struct {
	r     *reader
	merge *order.Merge[Record]
	ends  map[LogID]uint64 // how far is read of each log; nil if to its end
	own   map[digest.Hash]bool
	topic digest.Hash
	left  int
}

func newSettling(r *reader) *settling {
	s := &settling{r: r, merge: order.NewMerge[Record](), own: map[digest.Hash]bool{}, left: r.q.Limit}
	r.q.Borrow, r.q.Limit = false, 0 // records wait for each other
	r.aside = true
	return s
}

// settled is Events in the settled order.
func (db *DB) settled(ctx context.Context, q Query, spans []span, yield func(Record, error) bool) error {
	s := newSettling(newReader(db, q))
	s.ends = map[LogID]uint64{}
	for _, span := range spans {
		s.ends[LogID(span.l.ID)] = span.to
	}
	for _, span := range spans {
		if err := s.add(ctx, span.l); err != nil {
			return err
		}
	}
	return s.drain(math.MaxInt64, yield)
}

// add has a log take part, or go on.
func (s *settling) add(ctx context.Context, l *store.Log) error {
	span := s.r.span(l)
	if err := s.merge.Add(l.ID, span.from, s.source(ctx, l)); err != nil {
		return err
	}
	s.topic, s.own[l.ID] = l.Topic, l.Own
	switch _, cut := l.Cut(); {
	case cut || l.Mute():
		s.merge.Pass(l.ID, math.MaxInt64) // nothing more counts of it
	case span.from > 0 && span.from >= span.to:
		ms, _, err := s.r.db.st.TimeAt(l.Topic, event.Ref{Log: [event.ShortBytes]byte(l.ID[:]), Size: span.from})
		if err != nil {
			return err
		}
		s.merge.Pass(l.ID, ms)
	}
	return nil
}

// source returns the events of a log, of which it reads some at a time.
func (s *settling) source(ctx context.Context, l *store.Log) order.Source[Record] {
	log := LogID(l.ID)
	var buffer []Record
	fill := func() error {
		span, size := s.r.span(l), 0
		if s.ends != nil {
			span.to = s.ends[log]
		}
		err := s.r.read(ctx, span, nil, func(rec Record, _ error) bool {
			buffer = append(buffer, rec)
			size += len(rec.Payload) + len(rec.Key)
			return len(buffer) < turnEvents && size < turnBytes
		})
		if errors.Is(err, errLeft) || errors.Is(err, errHeld) {
			return nil
		}
		return err
	}
	return func() (e order.Event[Record], ok bool, err error) {
		if len(buffer) == 0 {
			buffer = nil
			if err := fill(); err != nil {
				return e, false, err
			}
		}
		if len(buffer) == 0 {
			return order.Event[Record]{Seq: s.r.next[log]}, false, nil
		}
		rec := buffer[0]
		buffer = buffer[1:]
		e = order.Event[Record]{Log: l.ID, Seq: rec.Seq, Time: rec.Time.UnixMilli(), Value: rec}
		for _, r := range rec.Refs() {
			e.Refs = append(e.Refs, event.Ref{Log: r.Log, Size: r.Size})
		}
		return e, true, nil
	}
}

// drain yields what has its place, and all that is earlier than below.
func (s *settling) drain(below int64, yield func(Record, error) bool) error {
	for {
		e, late, ok, err := s.merge.Next(below)
		if err != nil || !ok {
			return err
		}
		e.Value.Late = late
		s.r.db.given.once(s.topic, &e.Value)
		if !yield(e.Value, nil) {
			return errLeft
		}
		if s.left--; s.left == 0 {
			return errLeft
		}
	}
}

// subscribeSettled is Subscribe in the settled order.
func (db *DB) subscribeSettled(ctx context.Context, q Query, yield func(Record, error) bool) error {
	r := newReader(db, q)
	turns, leave, err := r.follow()
	if err != nil {
		return err
	}
	defer leave()
	s := newSettling(r)
	err = db.logs(q, func(l *store.Log) { turns.add(LogID(l.ID)) }) // all of them say how far time went
	for err == nil {
		err = s.step(ctx, turns, yield)
	}
	return err
}

// step yields what has its place by now, and waits for more.
func (s *settling) step(ctx context.Context, t *turns, yield func(Record, error) bool) error {
	now := s.r.db.opts.Now()
	for log, own := range s.own {
		if own {
			s.merge.Pass(log, now.Add(-ownLag).UnixMilli())
		}
	}
	below := int64(math.MinInt64)
	if d := s.r.q.SettleAfter; d > 0 {
		below = now.Add(-d).UnixMilli()
	}
	if !t.others() { // all that is there takes part
		if err := s.drain(below, yield); err != nil {
			return err
		}
	}
	log, err := s.await(ctx, t, now)
	if err != nil || log.IsZero() {
		return err
	}
	l, err := s.r.db.st.Log(digest.Hash(log))
	if err != nil {
		return err
	}
	return s.add(ctx, l)
}

// await returns the next log that has more, or the zero id once time may have settled
// what waits.
func (s *settling) await(ctx context.Context, t *turns, now time.Time) (LogID, error) {
	wait := s.patience(now)
	if wait <= 0 {
		return t.next(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, wait+time.Millisecond)
	defer cancel()
	log, err := t.next(soon)
	if err != nil && ctx.Err() == nil && soon.Err() != nil {
		return LogID{}, nil
	}
	return log, err
}

// patience returns how long it takes until time alone may settle the first event, or 0 if
// it never does.
func (s *settling) patience(now time.Time) (wait time.Duration) {
	ms, waits := s.merge.Peek()
	if !waits {
		return 0
	}
	for _, after := range []time.Duration{s.r.q.SettleAfter, ownLag} {
		if left := time.UnixMilli(ms).Add(after).Sub(now) + time.Millisecond; after > 0 && left > 0 && (wait == 0 || left < wait) {
			wait = left
		}
	}
	return wait
}
