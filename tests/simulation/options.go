// SPDX-License-Identifier: MPL-2.0

// Package simulation lets many peers sync in one goroutine, over a network that
// is made up, in a time that is made up, and looks at every step whether what
// the engine promises holds (docs/reliability.md).
//
// The sessions, their messages, transfers, verification, and the choice of
// eager links are the real ones of package syncer; what package actors does
// around them is modelled in peer.go and end.go, and the store in store.go.
// Everything follows from a seed. Start with Simulate.
package simulation

import (
	"fmt"
	"io"
	"strings"
)

// A Fault is a kind of thing that goes wrong.
type Fault int

// The kinds.
const (
	Delay     Fault = iota // jitter, and segments that are sent again
	Cut                    // connections and streams that end at any byte
	Partition              // nothing gets through, both ways, between two groups
	Stall                  // nothing gets through one way
	Restart                // a peer stops and begins again from its disk
	Backup                 // a peer begins again from an older copy of its disk
	Disk                   // commits fail, for a while or until the restart
	Clock                  // clocks that are wrong, fast, slow, or jump
	Slow                   // a peer that takes long over each message
	Hostile                // authors of records that break a rule
	Topics                 // topics that are joined and left
	Move                   // a peer's address changes
	Hints                  // places where nobody answers, or not the one who was looked for
	Liar                   // a member fills the address books of others
	allFaults
)

var faultNames = [allFaults]string{"delay", "cut", "partition", "stall", "restart", "backup", "disk", "clock", "slow", "hostile", "topics", "move", "hints", "liar"}

// String returns the fault's name.
func (f Fault) String() string { return faultNames[f] }

// Faults is a set of kinds.
type Faults uint

// Has reports whether a kind is in the set.
func (s Faults) Has(f Fault) bool { return s>>f&1 == 1 }

// AllFaults is every kind.
const AllFaults = Faults(1<<allFaults - 1)

// String names the kinds of a set.
func (s Faults) String() string {
	var names []string
	for f := range allFaults {
		if s.Has(f) {
			names = append(names, f.String())
		}
	}
	return strings.Join(names, ",")
}

// ParseFaults is the inverse of String; words that name no kind are an error.
func ParseFaults(text string) (Faults, bool) {
	var s Faults
words:
	for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' }) {
		for f := range allFaults {
			if f.String() == name {
				s |= 1 << f
				continue words
			}
		}
		return 0, false
	}
	return s, true
}

// A Control is a way to break one peer on purpose: the oracle must see it.
type Control string

// The controls.
const (
	Sound     Control = ""
	DropsSome Control = "drops"   // every few ingests it says stored, and stores nothing
	Deaf      Control = "deaf"    // after a cut it does not ask again
	Ungrafted Control = "lazy"    // its links never become eager again, and it states no digests
	Forgets   Control = "forget"  // it loses at a restart what it acknowledged last
	Lenient   Control = "lenient" // it takes the record that closes a log
	Stays     Control = "stays"   // its sessions are not told of topics that it joins
	Few       Control = "few"     // it offers the first few topics only
	Narrow    Control = "narrow"  // it ends a session in which it said more than a few DIFFs
	Patient   Control = "patient" // it never looks whether a peer is still there
	Gullible  Control = "wrong"   // it forgets a peer in whose place somebody else answers
	Serial    Control = "serial"  // it dials one peer at a time, for long
)

// Controls is all of them.
var Controls = []Control{DropsSome, Deaf, Ungrafted, Forgets, Lenient, Stays, Few, Narrow, Patient, Gullible, Serial}

// Options say what is simulated.
type Options struct {
	Seed     uint64
	Peers    int     // 0: 3 to 64, drawn from the seed
	Topics   int     // 0: 2 to 100, drawn too
	Faults   Faults  // the kinds that happen
	Control  Control // what is broken on purpose
	MaxSteps int     // 0: a bound by the number of peers
	Watch    io.Writer
}

// Stats is what happened in a run.
type Stats struct {
	Peers, Links, Steps       int
	Topics                    int
	Moves, Lies, Peered       int // addresses that changed, places told that are none, messages that told places
	Named                     int // and peers that a person had to name again
	Messages, Bytes           int
	Events                    int // appended,
	Bad                       int // of which these break a rule,
	Ended                     int // and how often a peer ended a log for one
	Conns, Pulls, Faults      int
	Pings, Silent             int // PING and PONG, and sessions that ended for want of an answer
	Grafts, Repeated, Refused int
	Syncs                     int // that were asked for
	Seconds                   int // of virtual time
}

// Add adds up runs.
func (s *Stats) Add(o Stats) {
	s.Peers += o.Peers
	s.Links += o.Links
	s.Topics += o.Topics
	s.Moves += o.Moves
	s.Lies += o.Lies
	s.Peered += o.Peered
	s.Named += o.Named
	s.Steps += o.Steps
	s.Messages += o.Messages
	s.Bytes += o.Bytes
	s.Events += o.Events
	s.Bad += o.Bad
	s.Ended += o.Ended
	s.Conns += o.Conns
	s.Pings += o.Pings
	s.Silent += o.Silent
	s.Pulls += o.Pulls
	s.Faults += o.Faults
	s.Grafts += o.Grafts
	s.Repeated += o.Repeated
	s.Refused += o.Refused
	s.Syncs += o.Syncs
	s.Seconds += o.Seconds
}

// String puts the figures into words.
func (s Stats) String() string {
	return fmt.Sprintf("%d peers on %d links in %d topics, %d steps in %d s of virtual time, %d faults, %d connections, %d messages, %d transfers, %d events appended, of which %d break a rule, %d times a log ended, %d links became eager again, %d sessions ended without an answer, %d addresses changed, %d places told where nobody is, %d peers named again, %d syncs asked for",
		s.Peers, s.Links, s.Topics, s.Steps, s.Seconds, s.Faults, s.Conns, s.Messages, s.Pulls, s.Events, s.Bad, s.Ended, s.Grafts, s.Silent, s.Moves, s.Lies, s.Named, s.Syncs)
}
