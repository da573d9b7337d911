// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// Rule: what is wrong with a roster follows from the logs that are held and from the
// keys of this store, and is said of a signed record, so that whoever holds it can prove
// it. It is told; it undoes nothing that counts.

// A FaultKind says what is wrong with a roster.
type FaultKind string

// The kinds of faults. An honest steward writes none of the first seven.
const (
	FaultForked   FaultKind = "forked"       // its steward signed two histories of a leg
	FaultClosed   FaultKind = "closed"       // a leg ended by breaking a rule
	FaultVoid     FaultKind = "void"         // a record that the rules do not allow, and that changes nothing
	FaultAsk      FaultKind = "other ask"    // a record names an ask that says something else
	FaultNoBox    FaultKind = "no box"       // an epoch leaves this store out, though it belongs
	FaultWrongBox FaultKind = "wrong box"    // an epoch's box for this store does not hold the epoch's keys
	FaultElse     FaultKind = "elsewhere"    // it does not lead to the place that an invite named
	FaultNoStep   FaultKind = "no way back"  // an epoch does not lead to the one before it
	FaultOld      FaultKind = "old"          // an invite named a place that it has not reached here
	FaultAhead    FaultKind = "sealed ahead" // an event is sealed under an epoch that it does not name
	FaultNoAsk    FaultKind = "ask not here" // a record names an ask that is not here
)

// Passes reports whether the fault may be none once more of the topic is here.
func (k FaultKind) Passes() bool { return k == FaultOld || k == FaultAhead || k == FaultNoAsk }

// A RosterFault is something that is wrong with a topic's roster.
type RosterFault struct {
	Kind  FaultKind
	Topic digest.Hash
	Log   digest.Hash // of the record that shows it; of FaultOld, none
	Seq   uint64      // of that record; of FaultForked and FaultClosed, up to where the leg counts
	Why   string
}

// Error says what is wrong.
func (f *RosterFault) Error() string {
	return fmt.Sprintf("the roster of topic %s: %s", f.Topic.Short(), f.Why)
}

// RosterFaults returns what is wrong with a topic's roster, as far as it can be seen here;
// without passing it looks for nothing that may be none once more is here, which takes a
// look into each log.
func (s *Store) RosterFaults(topic digest.Hash, passing bool) ([]RosterFault, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	st, err := s.Roster(t.ID)
	if err != nil {
		return nil, err
	}
	f := &faults{s: s, t: t, st: st}
	finds := []func() error{f.findLegs, f.findVoids, f.findPlace, f.findAsks, f.findBoxes}
	if passing {
		finds = append(finds, f.findAhead)
	}
	for _, find := range finds {
		if err := find(); err != nil {
			return nil, fmt.Errorf("what is wrong with the roster of topic %s: %w", t.ID.Short(), err)
		}
	}
	return f.all, nil
}

// faults are what is found of one roster.
type faults struct {
	s   *Store
	t   *Topic
	st  *roster.State
	all []RosterFault
}

func (f *faults) add(kind FaultKind, log digest.Hash, seq uint64, format string, args ...any) {
	f.all = append(f.all, RosterFault{Kind: kind, Topic: f.t.ID, Log: log, Seq: seq, Why: fmt.Sprintf(format, args...)})
}

// findLegs finds legs that are forked, and those that ended by breaking a rule.
func (f *faults) findLegs() error {
	legs, err := f.s.legs(f.t)
	for _, l := range legs {
		if l.frozen.Load() {
			f.add(FaultForked, l.ID, l.Whole().Size, "its steward %s signed two histories of log %s, which takes nothing more: the owner has to take over", roster.Key(l.Author).Short(), l.ID.Short())
		}
		if size, why := l.Closed(); why != 0 {
			f.add(FaultClosed, l.ID, size, "its steward %s broke a rule of log %s at record %d (%s), which ends there: the owner has to take over", roster.Key(l.Author).Short(), l.ID.Short(), size, why)
		}
	}
	return err
}

// findVoids finds records that the rules do not allow.
func (f *faults) findVoids() error {
	for _, v := range f.st.Voids() {
		log := f.legAt(v.At)
		f.add(FaultVoid, log, v.At.Size-1, "record %d of log %s, %s, changes nothing: %s", v.At.Size-1, log.Short(), v.Type, v.Why)
	}
	return nil
}

// legAt returns the log of the leg of a position.
func (f *faults) legAt(p roster.Position) digest.Hash {
	for _, l := range f.st.Legs() {
		if l.Term == p.Term && l.Leg == p.Leg {
			return l.Log
		}
	}
	return digest.Hash{}
}

// findPlace holds the roster against the place that the newest invite named.
func (f *faults) findPlace() error {
	p, is := f.s.invited.of(f.t.ID)
	if !is || reaches(f.st, p) {
		return nil
	}
	at := f.st.Position()
	want := roster.Position{Term: p.Term, Leg: p.Leg, Size: p.Size}
	if at.Size == 0 || at.Compare(want) < 0 {
		f.add(FaultOld, digest.Hash{}, 0, "it is held to term %d, leg %d, record %d, and the invite was made at term %d, leg %d, record %d: sync with another member", at.Term, at.Leg, at.Size, p.Term, p.Leg, p.Size)
		return nil
	}
	f.add(FaultElse, f.st.Steward().Log, at.Size-1, "it does not lead to term %d, leg %d, record %d with root %s, where the invite was made: one of the two is false", p.Term, p.Leg, p.Size, p.Root.Short())
	return nil
}

// findAhead finds logs whose newest event is sealed under an epoch that nobody names here:
// their authors hold more of the roster, or another one.
func (f *faults) findAhead() error {
	if !f.t.Genesis.Policy.Has(identity.PolicySealed) {
		return nil
	}
	known, err := f.epochs()
	if err != nil {
		return err
	}
	for l, err := range f.s.TopicLogs(f.t.ID) {
		if err != nil {
			return err
		}
		size := l.State().Size
		if size == 0 || l.Own {
			continue
		}
		short, sealed, err := f.s.epochOf(l, size-1)
		if err != nil {
			return err
		}
		if sealed && !known[short] {
			f.add(FaultAhead, l.ID, size-1, "event %d of log %s is sealed under an epoch that it does not name: its author holds more of it, or another one; sync with another member", size-1, l.ID.Short())
		}
	}
	return nil
}

// epochs returns the beginnings of the ids of all epochs that rosters held here named.
func (f *faults) epochs() (map[[8]byte]bool, error) {
	known := map[[8]byte]bool{}
	for _, e := range f.st.Epochs() {
		known[[8]byte(e.ID[:8])] = true
	}
	err := f.s.aof.View(func(v *aof.View) error {
		return aof.EachRowOf(v, layout.EpochSecrets, f.t.ID[:], func(at layout.EpochKey, _ layout.EpochSecret) error {
			known[[8]byte(at.Epoch[:8])] = true
			return nil
		})
	})
	return known, err
}

// epochOf returns the beginning of the id of the epoch that an event is sealed under.
func (s *Store) epochOf(l *Log, seq uint64) (short [8]byte, sealed bool, err error) {
	err = s.Read(l, seq, seq+1, func(run Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(_ uint64, rec *event.Record) error {
			if rec.Flags&event.FlagSealedPayload == 0 || rec.Erased() {
				return nil
			}
			var unreadable error
			short, unreadable = seal.Epoch8(rec.Payload)
			sealed = unreadable == nil
			return nil
		})
	})
	return short, sealed, err
}
