// SPDX-License-Identifier: MPL-2.0

package findings

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

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
	// adopted, and has met no peer of the topic since: it appends nothing until then.
	OwnUnmet OwnState = "unmet"
)

// An OwnLog is a log of this store that takes no appends, or whose appends reach
// nobody.
type OwnLog struct {
	Topic  digest.Hash
	Log    digest.Hash
	State  OwnState
	Held   uint64    // events here
	Known  uint64    // of OwnBehind: that a peer holds
	Backup time.Time // of OwnUnmet: when it was made
}
