// SPDX-License-Identifier: MPL-2.0

package chunk

import (
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// OfRow returns the range that a row of a log holds, whose bytes it shares. Whether
// it is proven is not looked at.
func OfRow(info syncer.LogInfo, k layout.RangeKey, r *layout.Range) *syncer.Range {
	return &syncer.Range{
		Info: info, First: k.First, Count: len(r.Leaves), Records: r.Records, Leaves: r.Leaves, Head: r.Head, Left: r.Left, Right: r.Right,
	}
}
