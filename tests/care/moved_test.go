// SPDX-License-Identifier: MPL-2.0

package care

import (
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// reopened opens a store, looks at it and closes it.
func reopened(t *testing.T, dir string, o *xaeroflux.Options) (move *xaeroflux.Move, log xaeroflux.LogID) {
	t.Helper()
	db, err := xaeroflux.Open(dir, o)
	storetest.Must(t, err)
	move, log = db.Moved(), db.Head().Log
	storetest.Must(t, db.Close())
	return move, log
}

// A store stays in a new place what it becomes there: a new device, or adopted
// the one that it was.
func TestMovesLast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	move, log := reopened(t, dir, storetest.Small())
	if move != nil {
		t.Errorf("a new store was moved: %+v", move)
	}
	for _, adopt := range []bool{false, true} {
		to := storetest.Copied(t, dir)
		o := storetest.Small()
		o.Adopt = adopt
		first, its := reopened(t, to, o)
		if first == nil || (first.From == first.To) != adopt || (its == log) != adopt {
			t.Fatalf("adopted %v: %+v, log %s, was %s", adopt, first, its.Short(), log.Short())
		}
		for range 2 {
			again, now := reopened(t, to, storetest.Small())
			if again == nil || again.From != first.From || again.To != first.To || again.At.UnixMilli() != first.At.UnixMilli() || now != its {
				t.Errorf("adopted %v: opened again it is %+v, log %s, was %+v", adopt, again, now.Short(), first)
			}
		}
	}
	if move, its := reopened(t, dir, storetest.Small()); move != nil || its != log {
		t.Errorf("the store that was copied: %+v", move)
	}
}
