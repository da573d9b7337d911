// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"maps"
	"sync"

	"github.com/xaeroflux/xaeroflux/messages"
)

// refusals counts what peers were refused, by the reason they were given. The
// codes are this side's own, so there are only so many.
type refusals struct {
	mu     sync.Mutex // guards byCode
	byCode map[messages.Code]uint64
}

func (r *refusals) add(code messages.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byCode[code]++
}

// Refusals returns how often peers were refused something since the node was
// started, by reason: sessions that were ended because the peer broke a rule,
// connections that found no place, and logs that were left alone.
func (n *Mesh) Refusals() map[messages.Code]uint64 {
	n.refused.mu.Lock()
	defer n.refused.mu.Unlock()
	return maps.Clone(n.refused.byCode)
}
