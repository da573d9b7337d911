// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
)

// Refs are the same bytes inside a sealed payload as they are in a clear record
// (event.AppendRefs), and follow the same rules; nobody but a reader sees them,
// so that wrong ones make the payload unreadable and close no log.
const (
	shortID     = event.ShortBytes // of a log id or epoch id, which stand for all of it
	maxRefBytes = 1 + event.MaxRefs*(shortID+7)
)

// cutRefs splits b after the refs that it begins with, which may not name own.
func cutRefs(b []byte, own [shortID]byte) (refs, rest []byte, err error) {
	all, n, err := event.DecodeRefs(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrRefs, err)
	}
	for i := range all {
		if all[i].Log == own {
			return nil, nil, fmt.Errorf("%w: ref %d is to its own log", ErrRefs, i)
		}
	}
	return b[:n:n], b[n:], nil
}
