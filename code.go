// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "github.com/xaeroflux/xaeroflux/messages"

// A Code is a reason that peers give each other: for a call that is refused
// ([CallRefusedError]), and for what [DB.Refusals] counts. String says it in words;
// docs/xsp.md, "Error codes", lists the numbers of all.
type Code uint16

// The codes that a program may want to tell apart.
const (
	CodeBusy         = Code(messages.CodeBusy)         // too much at a time, of calls or connections: try again later
	CodeTimeout      = Code(messages.CodeTimeout)      // an answer did not come in time
	CodeFork         = Code(messages.CodeFork)         // what was said to prove a fork proves none
	CodeQuota        = Code(messages.CodeQuota)        // a bound of Quota left no room
	CodeNoCapability = Code(messages.CodeNoCapability) // nobody serves calls of this name there
	CodeNotShared    = Code(messages.CodeNotShared)    // no topic is shared with the peer
)

// String returns the reason in words.
func (c Code) String() string { return messages.Code(c).String() }

// Refusals returns how often peers were refused something since the store was
// opened, by reason: sessions that ended because the peer broke a rule,
// connections that found no place, and logs that were left alone.
func (db *DB) Refusals() map[Code]uint64 {
	all := map[Code]uint64{}
	for code, n := range db.node.Mesh().Refusals() {
		all[Code(code)] = n
	}
	return all
}
