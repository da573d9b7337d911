// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"

	"github.com/xaeroflux/xaeroflux/internal/doctor"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
)

// A CheckReport is what Check found.
type CheckReport = findings.Report

// A Finding is one flaw: where it is, what disagrees, what to do.
type Finding = findings.Finding

// A Flaw is the kind of thing that is damaged.
type Flaw = findings.Flaw

// Check verifies every byte of the open store: checksums of the AOF, pages,
// trees and mountains computed again from the events, heads and signatures.
// progress, where it is not nil, is told bytes done and to do now and then.
// The error is for what keeps Check from looking, not for what it finds: a
// *LookError names the cause, and says nothing about the store.
func (db *DB) Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error) {
	ctx, done, err := db.readingLong(ctx)
	if err != nil {
		return CheckReport{}, err
	}
	defer done()
	r, err := db.st.Check(ctx, progress)
	r.Own = db.OwnLogs()
	return r, ended(ctx, err)
}

// A LookError says what kept Check or Repair from looking at a store: descriptors,
// memory, modes, a disk that cannot be read. It is no damage, and goes away when its
// cause does.
type LookError = findings.LookError

// Check verifies a store that is not open, and changes nothing: no byte, no name, no
// time. It works on a disk that may not be written, and next to others that only
// read. If the store cannot even be opened, the report says why and the files are
// looked at one by one. A store that is found in another place stays what it is, and
// the report says so. The error is a *LookError, ErrNoStore, ErrInUse or ErrFormat.
func Check(ctx context.Context, dir string, progress func(done, total int64)) (CheckReport, error) {
	if err := notBackup(dir); err != nil {
		return CheckReport{}, err
	}
	return doctor.Check(ctx, durable.OS, dir, progress)
}
