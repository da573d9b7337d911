// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
)

// Process calls fn with the committed events of the default topic, each log in order and
// the logs in turn, until ctx ends or the DB is closed. It returns why it ended, which is
// never nil. The records are fn's to keep.
//
// With from nil the store keeps the cursor, under the name: it moves behind the events
// once fn returned nil, and a Process of that name goes on there, in this process or a
// later one. A crash or Close in between repeats the events that
// fn was given last.
//
// With from set the caller keeps the cursor with its work, and the store keeps none:
// Frontier{} is the beginning, Topic.Frontier is from now on, and one's own, moved by
// Frontier.Add and stored together with what fn did, counts each event once. One that
// was read from a file may be nil the first time: make it Frontier{} then.
//
// An fn that returns an error is given the same events again after a pause,
// which grows up to ten seconds while that log keeps failing; other logs go on. Actors
// shows the error, and Options.Logger is told. If the error is an ErrStop, Process
// returns it, and the cursor stays. A panic of fn is the caller's. The context that fn
// is given ends with ctx and when the DB is closed.
//
// The error is ErrOptions without fn, and for a name that is not 1 to 64 bytes or has a
// slash in it, ErrRegistered while another Process or Spawn has the name, and ErrReadOnly
// of a store that was opened read-only and would have to keep the cursor.
func (db *DB) Process(ctx context.Context, name string, from Frontier, fn func(context.Context, []Record) error) (err error) {
	defer db.out(&err)
	return db.process(ctx, Query{}, name, from, fn)
}

// Process is DB.Process with the events of this topic.
func (t *Topic) Process(ctx context.Context, name string, from Frontier, fn func(context.Context, []Record) error) (err error) {
	defer t.db.out(&err)
	return t.db.process(ctx, Query{Topic: t.ID()}, name, from, fn)
}

func (db *DB) process(ctx context.Context, q Query, name string, from Frontier, fn func(context.Context, []Record) error) error {
	if fn == nil {
		return fmt.Errorf("process %q: %w: no function", name, ErrOptions)
	}
	f, err := db.newFeed(name, q, from)
	if err != nil {
		return fmt.Errorf("process %q: %w", name, err)
	}
	defer f.end()
	entry, hide := db.node.ShowUser(name)
	defer hide()
	f.show(entry)
	f.give = func(ctx context.Context, records []Record) error {
		entry.Count()
		return fn(ctx, records)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(db.readers.closing, func() { cancel(ErrClosed) })()
	return fmt.Errorf("process %q: %w", name, ended(ctx, f.run(ctx)))
}
