// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A Move says that a store was found in another place than the one that its data
// lay in before: it was copied, restored from a backup, or carried to another
// machine or disk. Such a store is a new device. Its logs so far can be read and
// are served like anybody's; it appends to new ones, with keys that no other
// copy has, so that no two copies ever fork a log.
type Move struct {
	From, To identity.PeerID // peers know the store by To from then on; equal if Options.Adopt was set
	Why      string          // what is different, for people
	At       time.Time
}

// Moved returns the newest Move of this store, or nil.
func (db *DB) Moved() *Move {
	m := db.st.Moved()
	if m == nil {
		return nil
	}
	return &Move{From: m.From, To: m.To, Why: m.Why, At: m.At}
}
