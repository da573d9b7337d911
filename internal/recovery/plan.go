// SPDX-License-Identifier: MPL-2.0

package recovery

import (
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Kind is what two witnesses disagree about.
type Kind string

// Kinds of disagreement, each a reason not to open a store.
const (
	KindFormat   Kind = "format"   // FORMAT is missing or damaged, and other files are there
	KindIdentity Kind = "identity" // identity.key is missing, damaged, or not the one that the store was written with
	KindAOF      Kind = "aof"      // aof/data.mdb is missing or damaged
	KindOlder    Kind = "older"    // aof/ is older than the other files
	KindPages    Kind = "pages"    // sealed pages are missing or damaged
	KindHead     Kind = "head"     // the checkpoint of an own log is damaged
	KindLink     Kind = "link"     // a copy has a symbolic link to files that the other copy may use
)

// Do is the next step after a disagreement: one line.
func (k Kind) Do() string { return dos[k] }

var dos = map[Kind]string{
	KindFormat:   "put FORMAT back, or repair the store: it is written again from what the other files say",
	KindIdentity: "put back the identity.key that belongs to this store: no other file has what is in it",
	KindAOF:      "put back the newest aof/ that there is, or repair the store from a peer, with the help of which it is made again",
	KindOlder:    "put back the newer aof/ that belongs to these files; if there is none, repair the store from a peer that has what is missing",
	KindPages:    "put the files back, or repair the store from a peer that has these pages",
	KindHead:     "repair the store: it is set aside",
	KindLink:     "put a directory in the place of the link, with a copy of what it leads to; or, if it was moved and no other copy is left, adopt it (Options.Adopt)",
}

// A Disagreement is why a store cannot be opened as it is.
type Disagreement struct {
	Kind Kind
	Log  string
	What string
	Do   string // the next step
}

// An Action is what becomes of files.
type Action string

// Actions. None of them loses bytes that check, but those that can be made again
// from others.
const (
	Leave  Action = "leave"  // pages that follow the sealed ones stay; they are written again, the same
	Move   Action = "move"   // a file goes to damaged/
	Copy   Action = "copy"   // a file is copied to damaged/ before it is cut
	Cut    Action = "cut"    // what was never written whole goes
	Remove Action = "remove" // a file that was never whole, or can be made again
)

// A Step is one thing that opening does.
type Step struct {
	Action Action
	Log    string
	File   string
	Pages  uint64
	Why    string
}

// A Plan is what opening a store does: nothing if it is refused.
type Plan struct {
	Refused []Disagreement
	Steps   []Step
	// Copy is why the store is taken for a copy, if it is: opening it makes it a new
	// device.
	Copy string

	// Keep is how many pages of a log stay, of those that have a directory.
	Keep map[digest.Hash]uint64
}

// refuse adds a disagreement.
func (p *Plan) refuse(kind Kind, log digest.Hash, what string) {
	d := Disagreement{Kind: kind, What: what, Do: kind.Do()}
	if !log.IsZero() {
		d.Log = log.String()
	}
	p.Refused = append(p.Refused, d)
}

// A RefusedError says why a store is not opened. None of its files was changed.
type RefusedError struct {
	Refused []Disagreement // at least one
	Causes  []error        // what they are by other names, for errors.Is
}

// Unwrap returns the causes.
func (e *RefusedError) Unwrap() []error { return e.Causes }

// Error names each disagreement and its next step; of many only the first ones.
func (e *RefusedError) Error() string {
	const most = 5
	var lines []string
	for _, d := range e.Refused[:min(len(e.Refused), most)] {
		s := d.What
		if d.Log != "" {
			s = "log " + d.Log + ": " + s
		}
		lines = append(lines, s+"; "+d.Do)
	}
	if len(e.Refused) > most {
		lines = append(lines, "and more of that kind")
	}
	return "nothing was changed: " + strings.Join(lines, "; ")
}

// Has reports whether some disagreement is of that kind.
func (e *RefusedError) Has(k Kind) bool {
	for _, d := range e.Refused {
		if d.Kind == k {
			return true
		}
	}
	return false
}

// ByHand returns the first disagreement that no program can end, or nil: a file is to
// be put back.
func (e *RefusedError) ByHand() *Disagreement {
	for i, d := range e.Refused {
		if d.Kind == KindIdentity || d.Kind == KindOlder || d.Kind == KindLink {
			return &e.Refused[i]
		}
	}
	return nil
}
