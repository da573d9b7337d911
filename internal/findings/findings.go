// SPDX-License-Identifier: MPL-2.0

// Package findings is what a check finds: of an open store, and of the files of one
// that is closed.
//
// Rule: it names what can be wrong and what a person does about it, and looks at
// nothing itself.
package findings

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Max bounds the list in a Report.
const Max = 1000

// A Flaw is the kind of thing that is damaged.
type Flaw string

// Things that can be damaged.
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
	FlawLink      Flaw = "link"      // a copy has a symbolic link to files of the other copy
)

// A Finding is one flaw: where it is, what disagrees, what to do. Page and
// Offset are -1 if they do not apply.
type Finding struct {
	Where  string // for people
	What   string
	Do     string // the next step, one line
	Kind   Flaw
	File   string
	Log    string
	Page   int64 // index in the log
	Offset int64 // in File
}

// Do is the next step after a flaw: one line.
func (f Flaw) Do() string { return dos[f] }

var dos = map[Flaw]string{
	FlawFormat:    "repair the store: it is written again from what the segments say",
	FlawSeed:      recovery.KindIdentity.Do(),
	FlawAOF:       "repair the store from a peer: what is sound is kept, and the rest is fetched",
	FlawEvents:    "repair the store from a peer that holds these events: they are fetched again",
	FlawPages:     "repair the store from a peer that holds these pages: they are fetched again",
	FlawTree:      "repair the store: it is made again from the pages",
	FlawMountains: "repair the store: it is made again from the pages",
	FlawHead:      "repair the store: it is set aside, and written again with the next pages",
	FlawFork:      "repair the store: it is set aside, and written again from the AOF",
	FlawRange:     "repair the store: it is dropped, and can be fetched again",
	FlawOlder:     recovery.KindOlder.Do(),
	FlawLog:       "repair the store from a peer that holds it: what is missing is fetched",
	FlawLink:      recovery.KindLink.Do(),
}

// Of completes a finding with what err says and what to do about it.
func (f Finding) Of(err error) Finding {
	f.Page, f.Offset = -1, -1
	if c := corrupt.InFile(err); c != nil {
		f.File, f.Page, f.Offset = c.File, c.Page, c.Offset
	}
	var p *PageDamage
	if errors.As(err, &p) && f.Page < 0 && !wholeFile(err) {
		f.Page = int64(p.Page)
	}
	f.What = err.Error()
	if f.Do == "" {
		f.Do = f.Kind.Do()
	}
	return f
}

// wholeFile reports whether an error is about a file and not a part of it: that it is
// missing, say.
func wholeFile(err error) bool {
	c := corrupt.InFile(err)
	return c != nil && c.Page < 0 && c.Offset < 0
}

// A List is what a check finds, and the trouble that ended it. Trouble says nothing
// about the store, so that it is no flaw, and nothing else is one any more.
type List struct {
	Report  Report
	Trouble error
	files   map[string]bool // of which a flaw is told that is one of the whole file
}

// told reports whether an error is about a whole file of which that was found
// before: each page of a file that is missing would say so.
func (n *List) told(err error) bool {
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

// Note adds a flaw, unless err is of the moment.
func (n *List) Note(f Finding, err error) {
	switch {
	case n.Trouble != nil:
	case OfTheMoment(err):
		n.Trouble = &LookError{Where: f.Where, Err: err}
	case n.told(err):
	default:
		n.Report.Add(f.Of(err))
	}
}

// OfTheMoment reports whether an error says nothing about the bytes of a store.
func OfTheMoment(err error) bool {
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

// A PageDamage says which page of a log an error is about.
type PageDamage struct {
	Page uint64
	Err  error
}

func (d *PageDamage) Error() string { return d.Err.Error() }

// Unwrap returns the cause.
func (d *PageDamage) Unwrap() error { return d.Err }
