// SPDX-License-Identifier: MPL-2.0

// Package doctor checks and repairs stores that nobody has open: it opens a store to
// look at it, has package repair look at the files of one that cannot be opened and
// mend them, and has what is derived made again.
//
// Rule: it decides in which order the others are asked, and looks into no file itself.
// Nothing that runs imports it.
package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/repair"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Options of Check; the zero value works.
type Options struct {
	Progress   func(done, total int64) // is told bytes
	Passphrase identity.Passphrase     // of identity.key
}

// Check checks a store that is not open, and changes nothing: no byte, no name, no
// time. If opening it fails, why is among the findings, and its files are looked at
// one by one. The error says
// what kept it from looking, and is a *findings.LookError, store.ErrNoStore,
// store.ErrFormat for another version, identity.ErrPassphrase, or durable.ErrLocked.
func Check(ctx context.Context, fsys durable.FS, dir string, o Options) (report findings.Report, err error) {
	if err := store.Holds(fsys, dir); errors.Is(err, store.ErrNoStore) {
		return report, fmt.Errorf("store %s: %w", dir, err)
	} else if err != nil {
		return findings.Report{}, &findings.LookError{Where: dir, Err: err}
	}
	s, err := store.Open(dir, store.Options{ReadOnly: true, Passphrase: o.Passphrase, FS: fsys})
	if err == nil {
		defer func() { err = errors.Join(err, s.Close()) }()
		if e := s.Unfounded(); e != nil {
			return report, fmt.Errorf("store %s: %w", dir, e)
		}
		return s.Check(ctx, o.Progress)
	}
	if errors.Is(err, durable.ErrLocked) || errors.Is(err, aof.ErrInUse) || errors.Is(err, layout.ErrNewer) || errors.Is(err, identity.ErrPassphrase) {
		return findings.Report{}, err
	}
	if findings.OfTheMoment(err) {
		return findings.Report{}, &findings.LookError{Where: dir, Err: err}
	}
	return repair.CheckFiles(ctx, fsys, dir, o.Passphrase, err)
}

// Repair mends a store that nobody has open. If the machine refuses something
// meanwhile, nothing is changed from then on, and the error is a *findings.LookError:
// what cannot be read at the moment is not damaged.
func Repair(ctx context.Context, fsys durable.FS, dir string, o repair.Options) (repair.Report, error) {
	look := Options{Passphrase: o.Passphrase}
	before, err := Check(ctx, fsys, dir, look)
	if err != nil || before.Found() == 0 && !o.CosignAgain && !o.AcceptLoss {
		return repair.Report{Found: before.Findings, Copy: before.Copy}, err
	}
	wire := durable.NewTripwire(fsys)
	report, err := repair.Mend(ctx, wire, dir, before.Findings, o)
	report.Copy = before.Copy
	if err == nil {
		err = derive(wire, dir, o.Passphrase)
	}
	if refused := wire.Trouble(); refused != nil {
		report.Missing = nil // it could not be read, no more is known
		return report, &findings.LookError{Where: dir, Err: refused}
	}
	if err != nil {
		return report, fmt.Errorf("repair %s: %w", dir, err)
	}
	after, err := Check(ctx, fsys, dir, look)
	report.Left, report.Copy = after.Findings, after.Copy
	return report, err
}

// derive has what was set aside made again, by opening the store once and loading
// every log that has pages. A check finds whatever prevents it.
func derive(wire *durable.Tripwire, dir string, ask identity.Passphrase) error {
	s, err := store.Open(dir, store.Options{Look: true, Passphrase: ask, FS: wire})
	if err != nil {
		wire.Saw(err)
		return nil
	}
	wire.Saw(s.Derive())
	return s.Close()
}
