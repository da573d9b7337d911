// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A Record is an event in its place.
type Record struct {
	Log     ID
	Seq     uint64    // its place in the log, from 0
	Time    time.Time // when its author appended it, to the millisecond
	Type    string
	Key     []byte
	Payload []byte // nil where it was erased
	rec     event.Record
}

// Leaf returns the leaf data that the tree hashes: a header with the payload's
// SHA-256 (docs/format.md).
func (r *Record) Leaf() []byte { return r.rec.AppendLeaf(nil) }

// Refs returns the events of other logs that the event comes after, as its
// author said.
func (r *Record) Refs() []Ref { return r.rec.Refs() }

// EventID returns the id that the event was appended with, zero if none.
func (r *Record) EventID() EventID { return r.rec.ID() }

// Hash returns the RFC 6962 leaf hash.
func (r *Record) Hash() Hash { return digest.Leaf(r.Leaf()) }

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	r.rec = r.rec.Clone()
	r.Key, r.Payload = r.rec.Key, r.rec.Content()
	return r
}

// A Frontier says how far each log was read: log id to size.
type Frontier map[ID]uint64

// A Query says which events are wanted. The zero Query means every event of
// every log in the default topic.
type Query struct {
	Topic ID       // default: the default topic
	Log   ID       // default: all logs of the topic, one after another in the order of their ids
	From  uint64   // first sequence wanted, of each log
	After Frontier // where set, for a log in it, the first sequence wanted; see From for others
	Limit int      // at most so many events; 0 means no limit
	// Ranges yields what Fetch brought of a log too, beyond gaps. Subscribe
	// yields only what has no gap before it.
	Ranges bool
	// Engine yields the engine's own events too, whose types begin with "xf/".
	// They are no application's: without it, sequences have gaps where they are.
	Engine bool
	// Borrow yields records whose slices are valid only until the next one,
	// and allocates nothing for them.
	Borrow bool
}

var errStop = errors.New("stop")

// Events yields the events that are there when it is called, log by log, each
// log in order. It stops after the first error. Records are the caller's,
// unless Query.Borrow is set.
func (db *DB) Events(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r, err := db.newReader(q)
		if err == nil {
			err = r.pass(ctx, yield)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Record{}, err)
		}
	}
}

// Subscribe yields the events that are there, then those that come, until ctx
// ends, the DB is closed, or the loop is left: of each log every event in
// order, none twice and none missing. It ends without an error when ctx ends.
func (db *DB) Subscribe(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		sub := db.hub.subscribe()
		defer sub.stop()
		q.Ranges = false
		r, err := db.newReader(q)
		for err == nil {
			if err = r.pass(ctx, yield); err != nil {
				break
			}
			select {
			case <-sub.wake:
			case <-sub.done:
				err = ErrClosed
			case <-ctx.Done():
				return
			}
		}
		if !errors.Is(err, errStop) && ctx.Err() == nil {
			yield(Record{}, err)
		}
	}
}

// A reader yields what is new of the logs of a query each time it passes.
type reader struct {
	db   *DB
	q    Query
	next Frontier
	left int // of the limit
}

func (db *DB) newReader(q Query) (*reader, error) {
	r := &reader{db: db, q: q, next: Frontier{}, left: q.Limit}
	for id, n := range q.After {
		r.next[id] = n
	}
	if q.Log.IsZero() {
		t, err := db.st.Topic(q.Topic)
		if err != nil {
			return nil, err
		}
		r.q.Topic = t.ID
	}
	return r, nil
}

func (r *reader) logs() ([]*store.Log, error) {
	if r.q.Log.IsZero() {
		return r.db.st.TopicLogs(r.q.Topic)
	}
	l, err := r.db.st.Log(r.q.Log)
	return []*store.Log{l}, err
}

// pass yields all events from where the last pass stopped; errStop says that
// nobody wants more.
func (r *reader) pass(ctx context.Context, yield func(Record, error) bool) error {
	logs, err := r.logs()
	if err != nil {
		return err
	}
	for _, l := range logs {
		if err := r.log(ctx, l, yield); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) log(ctx context.Context, l *store.Log, yield func(Record, error) bool) error {
	from, ok := r.next[l.ID]
	if !ok {
		from = r.q.From
	}
	to, read := l.State().Size, r.db.st.Read
	if r.q.Ranges {
		to, read = max(to, r.db.st.NewestHead(l).Size), r.db.st.ReadHeld
	}
	if from >= to {
		return nil
	}
	done, err := r.db.reading()
	if err != nil {
		return err
	}
	defer done()
	return read(l, from, to, func(run store.Run) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.db.closed.Load() {
			return ErrClosed
		}
		if !r.q.Borrow {
			run = own(run)
		}
		return run.Each(func(seq uint64, rec *event.Record) error {
			r.next[l.ID] = seq + 1
			if !r.q.Engine && event.IsReserved(rec.Type) {
				return nil
			}
			if !yield(record(l.ID, seq, rec), nil) {
				return errStop
			}
			if r.left--; r.left == 0 {
				return errStop
			}
			return nil
		})
	})
}

// own copies a run, so that its records are the caller's: one allocation for
// all the events of a page.
func own(run store.Run) store.Run {
	run.Records = bytes.Clone(run.Records)
	return run
}

func record(log ID, seq uint64, r *event.Record) Record {
	return Record{
		Log: log, Seq: seq, Time: time.UnixMilli(r.Time),
		Type: typeString(r.Type), Key: r.Key, Payload: r.Content(), rec: *r,
	}
}
