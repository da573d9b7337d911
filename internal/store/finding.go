// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// MaxFindings bounds the list in a CheckReport.
const MaxFindings = 1000

// A Flaw is the kind of thing that is damaged.
type Flaw string

// What can be damaged.
const (
	FlawFormat    Flaw = "format"    // FORMAT
	FlawSeed      Flaw = "identity"  // identity.key
	FlawAOF       Flaw = "aof"       // the LMDB file, or a row in it
	FlawEvents    Flaw = "events"    // events that are in no page yet
	FlawPages     Flaw = "pages"     // a page, or a whole .seg file
	FlawTree      Flaw = "tree"      // derived from pages
	FlawMountains Flaw = "mountains" // derived from pages
	FlawHead      Flaw = "head"      // the checkpoint kept with the pages
	FlawFork      Flaw = "fork"      // the file of a fork, which the AOF holds too
	FlawRange     Flaw = "range"     // events beyond a gap
	FlawOlder     Flaw = "older"     // the AOF is of an earlier time than the other files
	FlawLog       Flaw = "log"       // a log as a whole
)

// A Finding is one flaw: where it is, what disagrees, what to do. Page and
// Offset are -1 where they do not apply.
type Finding struct {
	Where  string `json:"where"` // for people
	What   string `json:"what"`
	Do     string `json:"do"` // one line that names the next command
	Kind   Flaw   `json:"kind"`
	File   string `json:"file,omitempty"`
	Log    string `json:"log,omitempty"`
	Page   int64  `json:"page"`   // index in the log
	Offset int64  `json:"offset"` // in File
}

var dos = map[Flaw]string{
	FlawFormat:    "xaeroflux repair, which writes it again from what the segments say",
	FlawSeed:      "put back a copy of identity.key: no other file has what is in it",
	FlawAOF:       "xaeroflux repair --from ADDRESS, which keeps what is sound and fetches the rest from a peer",
	FlawEvents:    "xaeroflux repair --from ADDRESS, which fetches these events again from a peer",
	FlawPages:     "xaeroflux repair --from ADDRESS, which fetches the damaged pages again from a peer",
	FlawTree:      "xaeroflux repair, which makes it again from the pages",
	FlawMountains: "xaeroflux repair, which makes it again from the pages",
	FlawHead:      "xaeroflux repair, which sets it aside; it is written again with the next pages",
	FlawFork:      "xaeroflux repair, which sets it aside; it is written again from the AOF",
	FlawRange:     "xaeroflux repair, which drops it; xaeroflux fetch brings it again",
	FlawLog:       "xaeroflux repair --from ADDRESS, which fetches what is missing from a peer",
}

// of completes a finding with what err says and what to do about it.
func (f Finding) of(err error) Finding {
	f.Page, f.Offset = -1, -1
	if c := corrupt.InFile(err); c != nil {
		f.File, f.Page, f.Offset = c.File, c.Page, c.Offset
	}
	var p *pageDamage
	if errors.As(err, &p) && f.Page < 0 && !wholeFile(err) {
		f.Page = int64(p.page)
	}
	f.What = err.Error()
	if f.Do == "" {
		f.Do = dos[f.Kind]
	}
	return f
}

// wholeFile reports whether an error is about a file and not a part of it: that it is
// missing, say.
func wholeFile(err error) bool {
	c := corrupt.InFile(err)
	return c != nil && c.Page < 0 && c.Offset < 0
}

// findings are what a check finds, and the trouble that ended it. Trouble says
// nothing about the store, so that it is no flaw, and nothing else is one any more.
type findings struct {
	report  CheckReport
	trouble error
	files   map[string]bool // of which a flaw is told that is one of the whole file
}

// told reports whether an error is about a whole file of which that was found
// before: each page of a file that is missing would say so.
func (n *findings) told(err error) bool {
	if !wholeFile(err) {
		return false
	}
	if n.files == nil {
		n.files = map[string]bool{}
	}
	file := corrupt.InFile(err)
	key := file.File + ": " + file.What
	before := n.files[key]
	n.files[key] = true
	return before
}

// note adds a flaw, unless err is of the moment.
func (n *findings) note(f Finding, err error) {
	switch {
	case n.trouble != nil:
	case ofTheMoment(err):
		n.trouble = &LookError{Where: f.Where, Err: err}
	case n.told(err):
	default:
		n.report.add(f.of(err))
	}
}

// ofTheMoment reports whether an error says nothing about the bytes of a store.
func ofTheMoment(err error) bool {
	return durable.TroubleOf(err) != durable.NoTrouble || errors.Is(err, aof.ErrClosed) || errors.Is(err, segwriter.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// A LookError says what kept a check, or a repair, from looking at a store. It is
// no damage: whatever it is goes away when its cause does.
type LookError struct {
	Where string
	Err   error
}

func (e *LookError) Error() string {
	return fmt.Sprintf("could not look at %s: %v; this says nothing about the store", e.Where, e.Err)
}

// Unwrap returns the cause.
func (e *LookError) Unwrap() error { return e.Err }

func (r *CheckReport) add(f Finding) {
	if len(r.Findings) >= MaxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

// Found returns how many flaws there are.
func (r *CheckReport) Found() int { return len(r.Findings) + r.More }

// A pageDamage says which page an error is about.
type pageDamage struct {
	page uint64
	err  error
}

func (d *pageDamage) Error() string { return d.err.Error() }
func (d *pageDamage) Unwrap() error { return d.err }
