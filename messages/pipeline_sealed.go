// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Sealed reports that the pages of a log below a point are synced, with
// their trees and mountains, so that the AOF need not hold them.
type Sealed struct {
	Log    digest.Hash
	Pages  uint64
	Size   uint64
	Remote *Proven // set if Size may be new to the AOF: the pages came from a peer
	Epoch  uint64  // of the batch that ended the last page
}
