// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Log is one author's events in one topic.
type Log struct {
	db  *DB
	l   *store.Log
	err error // why it could not be loaded; every method returns it
}

// A Head is a log's state as its author signed it.
type Head struct {
	Log    LogID     `json:"log"`
	Author AuthorKey `json:"author"`
	Size   uint64    `json:"size"` // events
	Root   Hash      `json:"root"` // RFC 6962 root of those events
	Sig    Signature `json:"sig"`  // of the checkpoint text
}

// String says which log it is of, its size and its root, for people. The log and the root
// are cut short; Checkpoint is the whole text.
func (h Head) String() string {
	events := "events"
	if h.Size == 1 {
		events = "event"
	}
	return fmt.Sprintf("log %s: %d %s, root %s", h.Log.Short(), h.Size, events, h.Root.Short())
}

// Checkpoint returns the head as a C2SP checkpoint, a signed note.
func (h Head) Checkpoint() []byte { return h.compact().Checkpoint(h.Author[:]) }

// VKey returns the note verifier key that checkpoints of this log verify with.
func (h Head) VKey() string { return proof.VKey(h.Author[:], digest.Hash(h.Log)) }

// Verify checks the author's signature.
func (h Head) Verify() error { return h.compact().Verify(h.Author[:]) }

func (h Head) compact() proof.Head {
	return proof.Head{Log: digest.Hash(h.Log), Size: h.Size, Root: digest.Hash(h.Root), Sig: h.Sig}
}

// Log returns the log with this id, ours or a peer's.
func (db *DB) Log(id LogID) (_ *Log, err error) {
	defer db.out(&err)
	if err := db.usable(); err != nil {
		return nil, err
	}
	return db.logOf(id)
}

// logOf is Log after Close too: what is known of a log by then can be read.
func (db *DB) logOf(id LogID) (*Log, error) {
	l, err := db.shownLog(id)
	if err != nil {
		return nil, err
	}
	return &Log{db: db, l: l}, nil
}

// shownLog returns a log that an application sees: none of the home topic.
func (db *DB) shownLog(id LogID) (*store.Log, error) {
	l, err := db.st.Log(digest.Hash(id))
	if err == nil && db.st.IsHome(l.Topic) {
		return nil, fmt.Errorf("%w: %s", ErrUnknownLog, id)
	}
	return l, err
}

// ID returns the log's id.
func (l *Log) ID() LogID {
	if l.l == nil {
		return LogID{}
	}
	return LogID(l.l.ID)
}

// Closed reports whether the log ends where it is, because its author wrote a
// record there that breaks a rule of the topic, and says which rule in a word or
// two. The events before that record can be read; everybody ends the log there.
func (l *Log) Closed() (why string, closed bool) {
	if l.l == nil {
		return "", false
	}
	_, reason := l.l.Closed()
	return reason.String(), reason != 0
}

// Own reports whether this store appends to the log.
func (l *Log) Own() bool { return l.l != nil && l.l.Own }

// Topic returns the topic that the log is in.
func (l *Log) Topic() TopicID {
	if l.l == nil {
		return TopicID{}
	}
	return TopicID(l.l.Topic)
}

// Author returns the key that signs the log's heads.
func (l *Log) Author() AuthorKey {
	if l.l == nil {
		return AuthorKey{}
	}
	return AuthorKey(l.l.Author)
}

// Size returns the number of events held.
func (l *Log) Size() uint64 {
	if l.l == nil {
		return 0
	}
	return l.l.State().Size
}

// Root returns the root over the events held and their number. For a log that
// is still being fetched, the head is of a larger size.
func (l *Log) Root() (root Hash, size uint64) {
	if l.l == nil {
		return Hash{}, 0
	}
	p := l.l.State()
	return Hash(p.Root), p.Size
}

// Head returns the newest signed head. A log of a peer that is still being
// fetched has a head of more events than it holds. An empty log of our own has a
// signed head of size 0. If a head cannot be signed (the key was hurt in memory), it
// is an empty head without signature, which no Verify accepts.
func (l *Log) Head() Head {
	if l.l == nil {
		return Head{}
	}
	h, err := l.l.Head(l.l.State())
	if err != nil {
		h = proof.Head{}
	} else if empty, ok := l.l.EmptyHead(); ok && h.Size == 0 {
		h = empty
	}
	return l.head(h)
}

// head returns a head of the log as the API has it.
func (l *Log) head(h proof.Head) Head { return headOf(h, l.l.Author) }

func headOf(h proof.Head, author [32]byte) Head {
	return Head{Log: LogID(h.Log), Author: AuthorKey(author), Size: h.Size, Root: Hash(h.Root), Sig: h.Sig}
}

// Get returns one event. The record is the caller's. The error is a *GapError
// for an event that is known to be in the log and not held.
func (l *Log) Get(ctx context.Context, seq uint64) (_ Record, err error) {
	defer l.db.out(&err)
	if l.err != nil {
		return Record{}, l.err
	}
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	done, err := l.db.reading()
	if err != nil {
		return Record{}, err
	}
	defer done()
	var rec Record
	err = l.db.st.ReadOne(l.l, seq, func(run store.Run) error {
		return own(run).Each(func(s uint64, r *event.Record) error {
			if rec = record(l.l, s, r); rec.isSealed() {
				rec.show(l.db.st.Open(l.l, r))
			}
			rec.Account = l.db.accountOf(l.l)
			return nil
		})
	})
	if err != nil {
		return Record{}, fmt.Errorf("get %d: %w", seq, err)
	}
	if l.l.Kind == identity.KindData {
		l.db.given.once(l.l.Topic, &rec)
	}
	return rec, nil
}

// Get returns one event of the own log; see Log.Get.
func (db *DB) Get(ctx context.Context, seq uint64) (Record, error) {
	return db.def().Log().Get(ctx, seq)
}

// Head returns the head of the own log; see Log.Head.
func (db *DB) Head() Head { return db.def().Log().Head() }
