// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// Durable tells the MMR indexer that a log is committed up to Size.
type Durable struct {
	Log  digest.Hash
	Size uint64
}
