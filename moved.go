// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A Move says that a store was found in another place than the one that its data
// lay in before: it was copied, restored from a backup, or carried to another
// machine or disk. Such a store is a new device. Its logs so far can be read and
// are served like anybody's; it appends to new ones, with keys that no other
// copy has, so that no two copies ever fork a log. Event 0 of such a log is the
// engine's own if the old log held any, and the application's events follow it.
type Move struct {
	// Peers know the store by To from then on. They are equal if Options.Adopt was set;
	// To is zero with Options.ReadOnly, which does nothing about it.
	From PeerID    `json:"from"`
	To   PeerID    `json:"to,omitzero"`
	Why  string    `json:"why"`           // what is different, for people
	At   time.Time `json:"at"`            // to the millisecond
	Now  bool      `json:"now,omitempty"` // it was this opening of the store that found it out
}

// A Copy is a log of a device that was made as a copy of this store, or of what
// this store was before it moved: record 0 of the log says so, signed with a key
// that no one else has. A copy of a store that had appended nothing says nothing.
type Copy struct {
	Topic  TopicID   `json:"topic"`
	Log    LogID     `json:"log"`
	Author AuthorKey `json:"author"`
	Seen   time.Time `json:"seen"` // when its first event came here
}

// Copies returns the copies of this store that it heard of, oldest first. They
// are other devices, with logs of their own, and do no harm; a person who did not
// make one has lost the keys of this store to somebody.
func (db *DB) Copies() []Copy {
	var all []Copy
	for _, c := range db.st.Copies() {
		all = append(all, Copy{Topic: TopicID(c.Topic), Log: LogID(c.Log), Author: AuthorKey(c.Author), Seen: told(c.Seen)})
	}
	return all
}

// copied is called by the pipeline for each copy once.
func (db *DB) copied(c store.Copy) {
	db.log.Warn("there is a copy of this store: it is a device of its own now, with another log",
		slog.String("topic", c.Topic.String()), slog.String("log", c.Log.String()))
	if db.node != nil {
		db.node.Copied(c)
	}
}

// Moved returns the newest Move of this store, or nil.
func (db *DB) Moved() *Move {
	m := db.st.Moved()
	if m == nil {
		return nil
	}
	return &Move{From: PeerID(m.From), To: PeerID(m.To), Why: m.Why, At: told(m.At.Truncate(time.Millisecond)), Now: m.Now}
}
