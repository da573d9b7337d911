// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Bounds of a turn, behind which a log waits if another one does.
const (
	turnEvents = 256
	turnBytes  = 256 << 10
)

var (
	errLeft = errors.New("left")           // nobody wants more
	errTurn = errors.New("another's turn") // there is more of this log
)

// A reader reads the logs of a query, each from where it stopped.
type reader struct {
	db    *DB
	q     Query
	next  Frontier
	left  int              // of the limit
	aside bool             // what it reads is not given to the application yet
	live  bool             // of Subscribe and Process: waits before an event of which the key may come yet
	runs  []store.Run      // that take read last
	opens store.Opener     // of the log that is read
	by    AccountKey       // of the author of the log that is read
	room  []byte           // what is sealed in records is decrypted to its end; with Borrow, to its begin
	there map[LogID]uint64 // sizes at the begin, of logs that were not read to there yet
}

// newReader returns a reader at the beginning of q, whose Frontier is the
// caller's.
func newReader(db *DB, q Query) *reader {
	r := &reader{db: db, q: q, next: Frontier{}, left: q.Limit, there: map[LogID]uint64{}}
	for id, n := range q.After {
		r.next[id] = n
	}
	return r
}

// A span is events of a log.
type span struct {
	l        *store.Log
	from, to uint64
}

// logs calls fn for the logs of a query.
func (db *DB) logs(q Query, fn func(*store.Log)) error {
	done, err := db.reading()
	if err != nil {
		return err
	}
	defer done()
	if !q.Log.IsZero() {
		l, err := db.shownLog(q.Log)
		if err == nil {
			fn(l)
		}
		return err
	}
	t, err := db.topicOf(q.Topic)
	if err != nil {
		return err
	}
	for l, err := range db.st.TopicLogs(t.t.ID) {
		if err != nil {
			return err
		}
		fn(l)
	}
	return nil
}

// snapshot returns what there is of a query.
func (db *DB) snapshot(q Query) ([]span, error) {
	r, spans := newReader(db, q), []span(nil)
	err := db.logs(q, func(l *store.Log) {
		if s := r.span(l); s.from < s.to {
			spans = append(spans, s)
		}
	})
	return spans, err
}

// span returns what is to be read of a log.
func (r *reader) span(l *store.Log) span {
	s := span{l: l, from: r.q.From, to: l.State().Size}
	if next, ok := r.next[LogID(l.ID)]; ok {
		s.from = next
	}
	if r.q.Ranges {
		s.to = max(s.to, r.db.st.Known(l))
	}
	return s
}

// follow returns turns of the logs of the query, beginning with those that have
// something to read.
func (r *reader) follow() (t *turns, leave func(), err error) {
	id := digest.Hash(r.q.Log)
	if id.IsZero() {
		topic, err := r.db.st.Topic(digest.Hash(r.q.Topic))
		if err != nil {
			return nil, nil, err
		}
		id = topic.ID
	}
	r.live = true
	t = r.db.hub.follow(id)
	spans, err := r.db.snapshot(r.q) // what comes from here on is told
	for _, s := range spans {
		t.add(LogID(s.l.ID))
		r.there[LogID(s.l.ID)] = s.to
	}
	leave = func() { r.db.hub.leave(id, t) }
	if err != nil {
		leave()
	}
	return t, leave, err
}

// turn yields what is new of a log, and gives it another turn if there is more
// when others wait.
func (r *reader) turn(ctx context.Context, log LogID, t *turns, yield func(Record, error) bool) error {
	l, err := r.db.st.Log(digest.Hash(log))
	if err != nil {
		return err
	}
	s := r.span(l)
	end, behind := r.there[log]
	if behind {
		s.to = min(s.to, end) // what came since has another turn
	}
	err = r.read(ctx, s, t.others, yield)
	switch {
	case errors.Is(err, errTurn):
		t.add(log)
		return nil
	case errors.Is(err, errHeld): // what is behind it has another turn once the key is here
		if behind {
			r.caughtUp(log)
		}
		return nil
	case err == nil && behind:
		t.add(log)
		r.caughtUp(log)
	}
	return err
}

// caughtUp says that a log was read to where it was at the begin.
func (r *reader) caughtUp(log LogID) {
	if delete(r.there, log); len(r.there) == 0 && r.q.CaughtUp != nil {
		r.q.CaughtUp()
	}
}

// Of a log, as much is read at once, and copied, so that no page is held while
// somebody is given events: one run at first, then more and more.
const readBytes = 64 << 10

// read yields a span. The error is errLeft if nobody wants more, and errTurn if
// others say, behind a turn's length, that they wait.
func (r *reader) read(ctx context.Context, s span, others func() bool, yield func(Record, error) bool) error {
	count, size := 0, 0
	r.by = r.db.accountOf(s.l)
	for most := 1; s.from < s.to; most = min(4*most+4096, readBytes) {
		runs, err := r.take(s, most)
		if len(runs) == 0 {
			return err // in a range query nothing more may be held
		}
		for _, run := range runs {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case r.db.closed.Load():
				return ErrClosed
			case others != nil && (count >= turnEvents || size >= turnBytes) && others():
				return errTurn
			}
			count, size = count+run.Count, size+len(run.Records)
			if err := r.run(s.l, run, yield); err != nil {
				return err
			}
			s.from = run.First + uint64(run.Count)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errHeld ends a turn before an event of which the key may come yet.
var errHeld = errors.New("held back")

// errEnough ends a read of the store.
var errEnough = errors.New("enough")

// take reads runs of a span until they have so many bytes. Without Borrow they are
// the caller's, with it they last until the next call.
func (r *reader) take(s span, most int) (runs []store.Run, err error) {
	done, err := r.db.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	read := r.db.st.Read
	if r.q.Ranges {
		read = r.db.st.ReadHeld
	}
	runs, size := r.runs[:0], 0
	err = read(s.l, s.from, s.to, func(run store.Run) error {
		runs = r.keep(runs, run)
		if size += len(run.Records); size >= most {
			return errEnough
		}
		return nil
	})
	if r.runs = runs; errors.Is(err, errEnough) {
		err = nil
	}
	return runs, err
}

// keep copies a run behind others: one allocation for all its events, or none with
// Borrow.
func (r *reader) keep(runs []store.Run, run store.Run) []store.Run {
	var into []byte
	if n := len(runs); r.q.Borrow && n < cap(runs) {
		into = runs[:n+1][n].Records[:0]
	}
	if !run.Gone() {
		run.Records = append(into, run.Records...)
	}
	return append(runs, run)
}

// run yields the events of a run.
func (r *reader) run(l *store.Log, run store.Run, yield func(Record, error) bool) error {
	log := LogID(l.ID)
	given := r.giving(l)
	defer r.db.given.end(l.Topic, given)
	if !r.opens.Of(l) {
		r.opens = r.db.st.Opener(l)
	}
	return run.Each(func(seq uint64, rec *event.Record) error {
		r.next[log] = seq + 1
		if r.live && r.db.holdsBack(l, &r.opens, rec) {
			r.next[log] = seq
			return errHeld
		}
		switch reserved := event.IsReserved(rec.Type); {
		case reserved && !r.q.Engine, !reserved && l.Mute():
			return nil
		}
		if r.full() {
			return errLeft
		}
		event := record(l, seq, rec)
		event.Account = r.by
		if event.isSealed() {
			r.open(&event, len(run.Records))
		}
		r.db.given.give(l.Topic, given, &event) // no func value: event would be allocated for it
		if !yield(event, nil) {
			return errLeft
		}
		if r.left--; r.full() && !r.catchesUp() {
			return errLeft
		}
		return nil
	})
}

// giving begins to give the application records of a log, until given.end; it returns nil if
// they are not given, or are none of an application.
func (r *reader) giving(l *store.Log) *givenLog {
	if r.aside || l.Kind != identity.KindData {
		return nil
	}
	return r.db.given.begin(l.Topic, LogID(l.ID))
}

// full reports whether the limit is reached.
func (r *reader) full() bool { return r.q.Limit > 0 && r.left == 0 }

// catchesUp reports whether somebody is still to be told that all was read. A reader that
// is full looks on as far as that, for a limit may be just what was there.
func (r *reader) catchesUp() bool { return len(r.there) > 0 && r.q.CaughtUp != nil }

// own copies a run, so that its records are the caller's.
func own(run store.Run) store.Run {
	run.Records = bytes.Clone(run.Records)
	return run
}

// open opens a record of a run of so many bytes, with one allocation for all of the run, or
// none with Borrow.
func (r *reader) open(rec *Record, runBytes int) {
	if r.q.Borrow {
		r.room = r.room[:0]
	}
	if n := seal.PlainBytes(rec.rec.Payload); cap(r.room)-len(r.room) < n {
		r.room = make([]byte, 0, max(n, runBytes))
	}
	plain, room, err := r.opens.Open(r.room, &rec.rec)
	rec.show(plain, err)
	r.room = room
}

// record returns an event as readers yield it, if nothing is sealed in it.
func record(l *store.Log, seq uint64, r *event.Record) Record {
	return Record{
		Log: LogID(l.ID), Author: AuthorKey(l.Author), Seq: seq, Time: time.UnixMilli(r.Time),
		Type: typeString(r.Type), Key: r.Key, Payload: r.Content(), rec: *r,
	}
}
