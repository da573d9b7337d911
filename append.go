// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
)

// An AppendOption is a condition of one Append or AppendBatch.
type AppendOption func(*appending)

type appending struct {
	id     EventID
	expect *uint64
}

// WithID names what is appended, so that it can be appended again at any time: if it
// was appended before, nothing is, and the receipt says where it is. Of a batch,
// it is the first event that carries the id, and all others go with it: a batch
// that is repeated must be the whole one. That costs one row a batch, where an
// Event.ID each costs a row an event.
func WithID(id EventID) AppendOption { return func(a *appending) { a.id = id } }

// Expect makes an append fail with ErrExpect unless the log of this store in the
// topic has just this size when its turn comes. A repeat of an id is found first,
// whatever the size is.
func Expect(size uint64) AppendOption { return func(a *appending) { a.expect = &size } }

// conditions returns what options ask for, and puts an id among the events, which are
// nobody else's.
func conditions(events []event.Event, options []AppendOption) ([]event.Event, pipeline.Conditions, error) {
	var a appending
	for _, o := range options {
		if o != nil {
			o(&a)
		}
	}
	if a.id.IsZero() {
		return events, pipeline.Conditions{Expect: a.expect}, nil
	}
	id := event.ID(a.id)
	if first := events[0].ID; first != (event.ID{}) && first != id {
		return nil, pipeline.Conditions{}, fmt.Errorf("%w: the first event has id %x, the option %x", ErrOptions, first, id)
	}
	events[0].ID = id
	return events, pipeline.Conditions{Expect: a.expect, Whole: true}, nil
}

// Find returns where the event with an id is that this store appended to the
// topic, in whichever of its logs. The receipt has no size and no root. An append
// of it that is under way is waited for: if it is not found, it is not stored. Of
// a store that became read-only that is known once it is opened again.
func (t *Topic) Find(ctx context.Context, id EventID) (r Receipt, found bool, err error) {
	defer t.db.out(&err)
	done, err := t.db.reading()
	if err != nil {
		return r, false, err
	}
	defer done()
	at, found, err := t.db.node.Pipeline().Find(ctx, t.log(), event.ID(id))
	if err != nil {
		return r, false, fmt.Errorf("find %s: %w", id, err)
	}
	if found {
		r = Receipt{Log: LogID(at.Log), Seq: at.Seq, Repeated: 1, Time: told(time.UnixMilli(at.Time))}
	}
	return r, found, nil
}
