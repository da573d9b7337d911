// SPDX-License-Identifier: MPL-2.0

// Package recovery decides what opening a store does to its files, from all that
// they say together and before any of them is changed.
//
// Rule: values in, a plan out; no files, no clocks.
//
// Start with Judge. The witnesses are read in internal/store, which also does what
// the plan says.
package recovery

import "github.com/xaeroflux/xaeroflux/internal/digest"

// A Witness is what the files of a store say. Nothing was changed to learn it.
type Witness struct {
	Format   File // FORMAT
	Identity File // identity.key
	AOF      File // aof/data.mdb and the small rows in it
	Closed   Closed
	Logs     []Log // with a row in the AOF or a directory; none if the AOF is not sound
}

// A State is how much a file is worth as a witness.
type State uint8

// States of a file.
const (
	Missing State = iota
	Sound
	Damaged
)

// A File is one that there is one of in a store.
type File struct {
	State State
	What  string // what is wrong with it
}

// Closed is how often the store was closed in order, as two places keep it: the
// AOF, and after it a file. So an AOF that says less is older than the other files.
type Closed struct {
	AOF, File uint64
}

// A Log is one log of the store.
type Log struct {
	ID    digest.Hash
	Row   *Row  // nil: the AOF knows no such log
	Ours  bool  // the key that identity.key gives in its topic signs it
	Files Files // all but those of other logs
	Head  Head
}

// A Row is what the AOF says of a log.
type Row struct {
	Own          bool // this store appends to it
	Size         uint64
	SealedPages  uint64
	HeadSize     uint64
	Signed       uint64   // of an own log: events that it is known to have signed, which may be more
	Author, Key  [32]byte // Key is the one that identity.key gives, of an own log
	TopicMissing bool     // the AOF has no row of its topic
}

// A Head is the checkpoint kept with the pages of a log.
type Head struct {
	State State // Sound: its author signed it
	Size  uint64
	What  string
}

// Files are the page files of a log.
type Files struct {
	Flaw       string // what is wrong with those that hold sealed pages, or ""
	Segments   bool   // some .seg file is there, of this log by its header
	Unfinished []string
	Derived    []string // trees of segments past the sealed ones
	Beyond     []Page   // places past the sealed pages that are not empty, in order
}

// A Page is one place past the sealed pages.
type Page struct {
	Index   uint64
	File    string
	Alone   bool   // no sealed page is in File
	Checks  bool   // it is a page
	Follows bool   // it continues what is before, and holds what the AOF says
	End     uint64 // sequence after its last event, if it checks
}
