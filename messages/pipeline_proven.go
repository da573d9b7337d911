// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Proven is the proof that came with a peer's events: a head its author
// signed, and the compact range from their end to the head's size. Left and
// Root tell the history that was verified from another one, which its author
// may have signed too: the peaks before the first event, and the root behind
// the last.
//
// Time and Closed are what follows from the last event: the time that no later
// one may be before, and why none may follow.
type Proven struct {
	Head  proof.Head
	Right []digest.Hash
	Left  []digest.Hash
	Root  digest.Hash

	Time   int64        // of the last event, milliseconds since 1970; 0 if there is none
	Closed event.Reason // the log ends behind it, if it is not 0
}
