// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"

	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A CheckReport is what Check found.
type CheckReport = store.CheckReport

// A Finding is one flaw: where it is, what disagrees, what to do.
type Finding = store.Finding

// A Flaw is the kind of thing that is damaged.
type Flaw = store.Flaw

// Check verifies every byte of the open store: checksums of the AOF, pages,
// trees and mountains computed again from the events, heads and signatures.
// progress, where it is not nil, is told bytes done and to do now and then.
// The error is for what keeps Check from looking, not for what it finds.
func (db *DB) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	done, err := db.reading()
	if err != nil {
		return CheckReport{}, err
	}
	defer done()
	return db.st.Check(ctx, progress)
}

// Check verifies a store that is not open. Where it cannot even be opened, the
// report says why and the files are looked at one by one. A store that is found in
// another place stays what it is, and the report says so.
func Check(ctx context.Context, dir string, progress func(done, total int64)) (CheckReport, error) {
	if err := notBackup(dir); err != nil {
		return CheckReport{}, err
	}
	return store.CheckDir(ctx, dir, progress)
}
