// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// A phase that follows another one against the table of moves ends the run.
func init() {
	syncer.Misstep = func(from, to fmt.Stringer) { panic(fmt.Sprintf("%T moves from %s to %s", from, from, to)) }
}
