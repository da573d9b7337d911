// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// A Record is an event in its place.
type Record struct {
	Log    LogID
	Author AuthorKey // of the log
	// Account is the author's person, by the roster that is here when the event is read;
	// Topic.Names says what to call that one. It is zero in an open topic, where nobody
	// has an account, and before the steward admitted the author.
	Account AccountKey
	Seq     uint64    // its place in the log, from 0
	Time    time.Time // when its author appended it, to the millisecond
	Type    string
	Key     []byte
	Payload []byte // nil if it was erased
	// Sealed is why an event of a sealed topic cannot be read: Type, Key and Payload are
	// empty then. It is ErrSealed if its key may come yet, and ErrWithheld if it never does.
	Sealed error
	// Late says, in the settled order, that others were yielded before which have their
	// place behind this one.
	Late bool

	rec event.Record
	// What was sealed of its refs and its id; nil if nothing was.
	refs []byte
	id   *[seal.IDBytes]byte
}

// Leaf returns the leaf data that the tree hashes: a header with the payload's
// SHA-256 (docs/format.md).
func (r *Record) Leaf() []byte { return r.rec.AppendLeaf(nil) }

// Refs returns the events of other logs that the event comes after, as its
// author said.
func (r *Record) Refs() []Ref {
	if len(r.refs) == 0 {
		return refs(r.rec.Refs()) // a sealed event has none outside
	}
	inside, _, _ := event.DecodeRefs(r.refs) // they were, when it was opened
	return refs(inside)
}

// EventID returns the id that the event was appended with, zero if none.
func (r *Record) EventID() EventID {
	if r.id == nil {
		return EventID(r.rec.ID()) // a sealed event has none outside
	}
	return EventID(*r.id)
}

// Hash returns the RFC 6962 leaf hash.
func (r *Record) Hash() Hash { return Hash(digest.Leaf(r.Leaf())) }

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	r.rec = r.rec.Clone()
	if !r.isSealed() {
		r.Key, r.Payload = r.rec.Key, r.rec.Content()
		return r
	}
	r.Key, r.Payload, r.refs = bytes.Clone(r.Key), bytes.Clone(r.Payload), bytes.Clone(r.refs)
	if r.id != nil {
		id := *r.id
		r.id = &id
	}
	return r
}

// isSealed reports whether what the record is about lies in a sealed payload.
func (r *Record) isSealed() bool { return isSealed(&r.rec) }

func isSealed(r *event.Record) bool { return r.Flags&event.FlagSealedPayload != 0 && !r.Erased() }

// A Frontier says how far each log was read: log id to size.
type Frontier map[LogID]uint64

// Add moves the frontier behind events, which come in the order of their logs. It panics
// if f is nil.
func (f Frontier) Add(records ...Record) {
	if f == nil {
		panic("xaeroflux: Add to a nil Frontier: begin with Frontier{}")
	}
	for i := range records {
		f[records[i].Log] = max(f[records[i].Log], records[i].Seq+1)
	}
}

// Clone returns a copy. That of nil is nil.
func (f Frontier) Clone() Frontier { return maps.Clone(f) }

// A Query says which events are wanted. The zero Query means every event of
// every log in the default topic.
type Query struct {
	Topic TopicID  // default: the default topic
	Log   LogID    // default: all logs of the topic, one after another in the order of their ids
	From  uint64   // first sequence wanted, of each log
	After Frontier // if set, for a log in it, the first sequence wanted; see From for others
	Limit int      // at most so many events; 0 means no limit
	// Ranges yields what Fetch brought of a log too, beyond gaps. Subscribe
	// yields only what has no gap before it.
	Ranges bool
	// Engine yields the engine's own events too, whose types begin with "xf/".
	// They are no application's: without it, sequences have gaps where they are.
	Engine bool
	// CaughtUp is called by Subscribe, once, in the goroutine of the loop and between two
	// events: when all was yielded that was there when the loop began. With a Limit of
	// fewer events than that it is not called.
	CaughtUp func()
	// Order says in which order the events of several logs come. Default: ByLog.
	Order Order
	// SettleAfter is for Subscribe in the settled order: an event that is so old by this
	// store's clock is yielded, whatever logs are silent. Default: none is.
	SettleAfter time.Duration
	// Borrow yields records whose slices are valid only until the next one,
	// and allocates nothing for them.
	Borrow bool
}

// Events yields the events that are there when it is called, log by log, each
// log in order; what comes later it does not yield. It stops after the first
// error. Records are the caller's, unless Query.Borrow is set.
func (db *DB) Events(ctx context.Context, q Query) iter.Seq2[Record, error] {
	err := q.checkOrder()
	var spans []span
	if err == nil {
		spans, err = db.snapshot(q)
	}
	return func(yield func(Record, error) bool) {
		if err == nil {
			err = db.events(ctx, q, spans, yield)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(Record{}, db.failed(err))
		}
	}
}

func (db *DB) events(ctx context.Context, q Query, spans []span, yield func(Record, error) bool) (err error) {
	if q.Order == Settled {
		return db.settled(ctx, q, spans, yield)
	}
	r := newReader(db, q)
	for i := 0; i < len(spans) && err == nil; i++ {
		err = r.read(ctx, spans[i], nil, yield)
	}
	return err
}

// Subscribe yields the events that are there, then those that come, until ctx
// ends, the DB is closed, or the loop is left: of each log every event in
// order, none twice and none missing. Logs that have more to yield take turns.
// It ends without an error when ctx ends.
func (db *DB) Subscribe(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := db.subscribe(ctx, q, yield)
		if !errors.Is(err, errLeft) && ctx.Err() == nil {
			yield(Record{}, db.failed(err))
		}
	}
}

// Events is DB.Events for the topic.
func (t *Topic) Events(ctx context.Context, q Query) iter.Seq2[Record, error] {
	q.Topic = t.ID()
	return t.db.Events(ctx, q)
}

// Subscribe is DB.Subscribe for the topic.
func (t *Topic) Subscribe(ctx context.Context, q Query) iter.Seq2[Record, error] {
	q.Topic = t.ID()
	return t.db.Subscribe(ctx, q)
}

func (db *DB) subscribe(ctx context.Context, q Query, yield func(Record, error) bool) error {
	if err := q.checkOrder(); err != nil {
		return err
	}
	if q.Order == Settled {
		return db.subscribeSettled(ctx, q, yield)
	}
	q.Ranges = false
	r := newReader(db, q)
	turns, leave, err := r.follow()
	if err != nil {
		return err
	}
	defer leave()
	if len(r.there) == 0 && q.CaughtUp != nil {
		q.CaughtUp()
	}
	for {
		log, err := turns.next(ctx)
		if err != nil {
			return err
		}
		if err := r.turn(ctx, log, turns, yield); err != nil {
			return err
		}
		if r.full() && !r.catchesUp() {
			return errLeft
		}
	}
}
