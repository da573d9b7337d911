// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "time"

// An OwnState says what keeps a log of this store itself from going on.
type OwnState string

// The states of an OwnLog.
const (
	// OwnForked is the state of a log of which two heads were signed that cannot
	// both be true: two copies of this store were in use.
	OwnForked OwnState = "forked"
	// OwnBehind is the state of a log of which a peer holds more than this store,
	// signed by it: the store is an older copy of itself, and appends nothing
	// until those events are back.
	OwnBehind OwnState = "behind"
	// OwnUnmet is the state of a log of a store that was restored from a backup and
	// adopted, and has met no peer of the topic since: appends are ErrRestored.
	OwnUnmet OwnState = "unmet"
)

// An OwnLog is a log of this store that takes no appends, or whose appends reach
// nobody.
type OwnLog struct {
	Topic, Log ID
	State      OwnState
	Held       uint64    // events here
	Known      uint64    // of OwnBehind: that a peer holds
	Backup     time.Time // of OwnUnmet: when it was made
}

// OwnLogs returns the logs that this store appends to and that are forked, behind
// or unmet. There are none, unless copies of the store were used, an old one was
// put back, or a backup.
func (db *DB) OwnLogs() []OwnLog {
	var all []OwnLog
	for _, t := range db.Topics() {
		l := t.Log()
		o := OwnLog{Topic: t.ID(), Log: l.ID(), Held: l.Size()}
		if _, frozen := l.Frozen(); frozen {
			o.State = OwnForked
		} else if known, behind := db.node.Pipeline().Behind(l.ID()); behind {
			o.State, o.Known = OwnBehind, known
		} else if backup, unmet := db.st.Unmet(t.ID()); unmet {
			o.State, o.Backup = OwnUnmet, backup
		} else {
			continue
		}
		all = append(all, o)
	}
	return all
}
