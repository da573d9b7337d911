// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"

	"github.com/xaeroflux/xaeroflux/internal/doctor"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
)

// A CheckReport is what Check looked at and what it found wrong.
type CheckReport struct {
	Logs     int       `json:"logs"`    // of events; a topic's roster is none of them
	Rosters  int       `json:"rosters"` // that were looked at like logs
	Events   uint64    `json:"events"`
	Pages    uint64    `json:"pages"`
	Bytes    int64     `json:"bytes"`          // of events, as records
	Findings []Finding `json:"findings"`       // at most 1000
	More     int       `json:"more,omitempty"` // further ones that were counted only
	// Copy is why the store is taken for a copy, if it is: what differs of the
	// place that it is in. The next program that opens it makes it a new device.
	Copy string `json:"copy,omitempty"`
	// Own are the logs that the store appends to and that do not go on. They are no
	// damage.
	Own []OwnLog `json:"own,omitempty"`
}

// Found returns how many flaws there are.
func (r *CheckReport) Found() int { return len(r.Findings) + r.More }

// A Finding is one flaw: where it is, what disagrees, what to do.
type Finding struct {
	Where  string `json:"where"` // for people
	What   string `json:"what"`  // disagrees
	Do     string `json:"do"`    // the next step
	Kind   Flaw   `json:"kind"`  // "format", "identity", "aof", "events", "pages", "tree", "mountains", "head", "fork", "range", "older", "log", "link"
	File   string `json:"file,omitempty"`
	Log    string `json:"log,omitempty"`
	Page   int64  `json:"page"`   // index in the log, or -1
	Offset int64  `json:"offset"` // in File, or -1
}

// A Flaw is the kind of thing that is damaged.
type Flaw string

// What can be damaged.
const (
	FlawFormat Flaw = Flaw(findings.FlawFormat)    // FORMAT
	FlawSeed   Flaw = Flaw(findings.FlawSeed)      // identity.key
	FlawAOF    Flaw = Flaw(findings.FlawAOF)       // the LMDB file, or a row in it
	FlawEvents Flaw = Flaw(findings.FlawEvents)    // events that are in no page yet
	FlawPages  Flaw = Flaw(findings.FlawPages)     // a page, or a whole .seg file
	FlawTree   Flaw = Flaw(findings.FlawTree)      // made of pages
	FlawPeaks  Flaw = Flaw(findings.FlawMountains) // made of pages
	FlawHead   Flaw = Flaw(findings.FlawHead)      // the checkpoint kept with the pages
	FlawFork   Flaw = Flaw(findings.FlawFork)      // the file of a fork, which the AOF holds too
	FlawRange  Flaw = Flaw(findings.FlawRange)     // events beyond a gap
	FlawOlder  Flaw = Flaw(findings.FlawOlder)     // the AOF is of an earlier time than the other files
	FlawLog    Flaw = Flaw(findings.FlawLog)       // a log as a whole
	FlawLink   Flaw = Flaw(findings.FlawLink)      // a copy has a symbolic link to files of the other copy
)

func checkReportOf(r findings.Report) CheckReport {
	return CheckReport{
		Logs: r.Logs, Rosters: r.Rosters, Events: r.Events, Pages: r.Pages, Bytes: r.Bytes,
		Findings: findingsOf(r.Findings), More: r.More, Copy: r.Copy, Own: ownLogsOf(r.Own),
	}
}

func findingsOf(inner []findings.Finding) []Finding {
	all := make([]Finding, len(inner))
	for i, f := range inner {
		all[i] = Finding{Where: f.Where, What: f.What, Do: f.Do, Kind: Flaw(f.Kind), File: f.File, Log: f.Log, Page: f.Page, Offset: f.Offset}
	}
	return all
}

// Check verifies every byte of the open store: checksums of the AOF, pages,
// trees and mountains computed again from the events, heads and signatures.
// progress, if it is not nil, is called with bytes done and to do now and then.
// The error is for what keeps Check from looking, not for what it finds: a
// *LookError names the cause, and says nothing about the store.
func (db *DB) Check(ctx context.Context, progress func(done, total int64)) (_ CheckReport, err error) {
	defer db.out(&err)
	ctx, done, err := db.readingLong(ctx)
	if err != nil {
		return CheckReport{}, err
	}
	defer done()
	inner, err := db.st.Check(ctx, progress)
	r := checkReportOf(inner)
	r.Own = db.OwnLogs()
	return r, ended(ctx, err)
}

// CheckOptions of Check, PlanOf and VerifyBackup; nil means the defaults.
type CheckOptions struct {
	// Progress is called with bytes done and to do now and then.
	Progress func(done, total int64)
	// Passphrase asks for the one of identity.key, as in Options.
	Passphrase func() ([]byte, error)
}

// Check verifies a store that is not open, and changes nothing: no byte, no name, no
// time. It works on a disk that may not be written, and next to others that only
// read. If the store cannot even be opened, the report says why and the files are
// looked at one by one. A store that is found in another place stays what it is, and
// the report says so. The error is a *LookError, ErrNoStore, ErrInUse, ErrFormat or
// ErrPassphrase.
func Check(ctx context.Context, dir string, o *CheckOptions) (_ CheckReport, err error) {
	defer out(&err)
	inner := doctor.Options{}
	if o != nil {
		inner = doctor.Options{Progress: o.Progress, Passphrase: o.Passphrase}
	}
	ask, forget := inner.Passphrase.Once()
	defer forget()
	inner.Passphrase = ask
	if err := notBackup(dir); err != nil {
		return CheckReport{}, err
	}
	r, err := doctor.Check(ctx, durable.OS, dir, inner)
	return checkReportOf(r), err
}
