// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/identity"
)

// A NewLog is what a log is created from; its id follows from it.
type NewLog struct {
	identity.LogName
	Own bool // this store holds the author's key
}
