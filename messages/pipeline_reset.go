// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// Reset makes the stages forget what they hold of a log in memory, each
// passing it on, so that they take it up again at its sealed cursor.
type Reset struct{ Log digest.Hash }
