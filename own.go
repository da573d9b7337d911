// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/findings"
)

// An OwnState says what keeps a log of this store itself from going on.
type OwnState string

// The states of an OwnLog.
const (
	// OwnForked is the state of a log of which two heads were signed that cannot
	// both be true: two copies of this store were in use.
	OwnForked OwnState = OwnState(findings.OwnForked)
	// OwnBehind is the state of a log of which a peer holds more than this store,
	// signed by it: the store is an older copy of itself, and appends nothing
	// until those events are back.
	OwnBehind OwnState = OwnState(findings.OwnBehind)
	// OwnUnmet is the state of a log of a store that was restored from a backup and
	// adopted, and has met no peer of the topic since: appends are ErrRestored.
	OwnUnmet OwnState = OwnState(findings.OwnUnmet)
)

// An OwnLog is a log of this store that takes no appends, or whose appends reach
// nobody.
type OwnLog struct {
	Topic  TopicID   `json:"topic"`
	Log    LogID     `json:"log"`
	State  OwnState  `json:"state"`           // "forked", "behind" or "unmet"
	Held   uint64    `json:"held"`            // events here
	Known  uint64    `json:"known,omitempty"` // of OwnBehind: that a peer holds
	Backup time.Time `json:"backup,omitzero"` // of OwnUnmet: when it was made
}

func ownLogsOf(inner []findings.OwnLog) (all []OwnLog) {
	for _, o := range inner {
		all = append(all, OwnLog{
			Topic: TopicID(o.Topic), Log: LogID(o.Log), State: OwnState(o.State), Held: o.Held, Known: o.Known, Backup: told(o.Backup),
		})
	}
	return all
}

// OwnLogs returns the logs that this store appends to and that are forked, behind
// or unmet. There are none, unless copies of the store were used, an old one was
// put back, or a backup.
func (db *DB) OwnLogs() []OwnLog { return ownLogsOf(db.st.OwnLogs(db.node.Pipeline().Behind)) }
