// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A Plan is what opening a store would do to its files, or why it would refuse.
type Plan = store.Plan

// PlanOf returns what opening the store in dir, which must not be open, would do.
// It changes nothing. The error is what keeps it from looking.
func PlanOf(dir string) (Plan, error) { return store.PlanDir(dir) }

// ErrOlder is what Open returns if aof/ is of an earlier time than the other files
// of the store. Nothing was changed: put back the newer one.
var ErrOlder = store.ErrOlder

// A TornCopyError is what Open returns for a store whose files disagree or are
// damaged, and which is in another place than they say: a running store was copied
// file by file. DB.Backup makes copies of it. Err is the *RefusedError, or an error
// for which IsCorrupt holds.
type TornCopyError = store.TornCopyError

// A RefusedError is what Open returns for a store whose files disagree: with what,
// and the next step. None of them was changed.
type RefusedError = recovery.RefusedError
