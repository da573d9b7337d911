// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// inspections are what was read of rosters to find their faults, by topic.
type inspections struct {
	mu  sync.Mutex // guards all, and each inspection in it
	all map[digest.Hash]*inspection
}

// An inspection is what the records of a roster up to a point say. It goes on from there
// as long as the roster does.
type inspection struct {
	at    roster.Point
	mine  map[roster.Key]bool // the recipients whose boxes this store opens
	named []namedAsk          // asks that are not compared yet
	other []RosterFault       // records whose asks say something else
	boxes []boxGroup          // those that came with an admission, a renewed key or an invite of ours
	kems  map[roster.Key][]kemSince
	// judged are the groups of boxes of which it is certain what they are.
	judged map[roster.Position]boxState
}

// A kemSince is a KEM key that a record gave a recipient.
type kemSince struct {
	at  roster.Position
	kem []byte
}

// A namedAsk is a record that counts, and the ask that it names.
type namedAsk struct {
	log    digest.Hash
	seq    uint64
	record roster.Record
	ask    roster.AskRef
}

// A boxGroup is the boxes that a record names, and those recipients of ours that are to
// have one among them.
type boxGroup struct {
	at    roster.Position // after the record
	log   digest.Hash
	to    []roster.Key
	boxes roster.Boxes
}

// inspect reads what is new of a roster.
func (f *faults) inspect() (*inspection, error) {
	mine, err := f.s.recipients(f.t)
	if err != nil {
		return nil, err
	}
	n := f.s.inspections.all[f.t.ID]
	if n == nil || !f.st.Holds(n.at) || !maps.Equal(n.mine, mine) {
		n = &inspection{mine: mine, kems: map[roster.Key][]kemSince{}, judged: map[roster.Position]boxState{}}
	}
	err = f.eachCounted(n.at.Position, func(rec roster.Record, at roster.Position, log digest.Hash) bool {
		n.take(rec, at, log)
		return true
	})
	if err != nil {
		return nil, err
	}
	n.at = f.st.Point()
	if n.at.Size > 0 {
		f.s.inspections.all[f.t.ID] = n
	}
	return n, nil
}

// eachCounted calls take with each record of the roster that counts behind a position, until
// it wants no more.
func (f *faults) eachCounted(behind roster.Position, take func(rec roster.Record, at roster.Position, log digest.Hash) bool) error {
	void := map[roster.Position]bool{}
	for _, v := range f.st.Voids() {
		void[v.At] = true
	}
	for _, leg := range f.st.Legs() {
		last := roster.Position{Term: leg.Term, Leg: leg.Leg, Size: math.MaxUint64}
		if last.Compare(behind) < 0 {
			continue
		}
		from := uint64(0)
		if leg.Term == behind.Term && leg.Leg == behind.Leg {
			from = behind.Size
		}
		l, err := f.s.knownLog(leg.Log)
		if l == nil || err != nil {
			return err
		}
		raw, err := f.s.rawFrom(l, from)
		if err != nil {
			return err
		}
		for i, r := range raw {
			at := roster.Position{Term: leg.Term, Leg: leg.Leg, Size: from + uint64(i) + 1}
			if _, there := f.st.PointAt(at); !there || void[at] {
				continue // it does not count
			}
			if rec, err := roster.Decode(r.Type, r.Body); err == nil && !take(rec, at, leg.Log) {
				return nil
			}
		}
	}
	return nil
}

// take takes note of a record that counts.
func (n *inspection) take(rec roster.Record, at roster.Position, log digest.Hash) {
	if ask, ok := roster.AskOf(rec); ok && !ask.None() {
		n.named = append(n.named, namedAsk{log, at.Size - 1, rec, ask})
	}
	for _, g := range kemsOf(rec) {
		if n.mine[g.to] {
			n.kems[g.to] = append(n.kems[g.to], kemSince{at, g.kem})
		}
	}
	boxes, to := boxesOf(rec)
	to = slices.DeleteFunc(to, func(key roster.Key) bool { return !n.mine[key] })
	if boxes != nil && len(to) > 0 {
		n.boxes = append(n.boxes, boxGroup{at, log, to, *boxes})
	}
}

// kemAt returns the KEM key that a recipient of ours had at a position, or nil.
func (n *inspection) kemAt(to roster.Key, at roster.Position) (kem []byte) {
	for _, g := range n.kems[to] {
		if g.at.Compare(at) <= 0 {
			kem = g.kem
		}
	}
	return kem
}

// findAsks finds records whose asks say something else, or are not here.
func (f *faults) findAsks() error {
	f.s.inspections.mu.Lock()
	defer f.s.inspections.mu.Unlock()
	n, err := f.inspect()
	if err != nil {
		return err
	}
	_, all := f.s.Followed(f.t.ID)
	waiting := n.named[:0]
	for _, a := range n.named {
		switch same, here, err := f.compare(a); {
		case err != nil:
			return err
		case !here:
			waiting = append(waiting, a)
		case !same:
			n.other = append(n.other, RosterFault{Kind: FaultAsk, Topic: f.t.ID, Log: a.log, Seq: a.seq, Why: whyAsk(a, "says something else, or is none")})
		}
	}
	n.named = waiting
	f.all = append(f.all, n.other...)
	for _, a := range n.named {
		if all { // else it may be in a log that is not followed
			f.all = append(f.all, RosterFault{Kind: FaultNoAsk, Topic: f.t.ID, Log: a.log, Seq: a.seq, Why: whyAsk(a, "is not here")})
		}
	}
	return nil
}

// compare reports whether the ask that a record names is here, and is what asks for it.
func (f *faults) compare(a namedAsk) (same, here bool, err error) {
	l, err := f.s.knownLog(a.ask.Log)
	if l == nil || err != nil {
		return false, false, err
	}
	if l.Whole().Size <= a.ask.Seq {
		return false, false, nil
	}
	raw, err := f.s.rawRecord(l, a.ask.Seq)
	switch {
	case errors.Is(err, ErrGap), errors.Is(err, ErrRange):
		return false, false, nil // cut off, or not here
	case err != nil:
		return false, false, err
	}
	ask, err := roster.DecodeAsk(raw.Type, raw.Body)
	if err != nil {
		return false, true, nil
	}
	log, _ := f.st.Log(a.ask.Log)
	return roster.Matches(a.record, ask, log.Account), true, nil
}

// boxesOf returns the boxes that a record brings for those that it lets in.
func boxesOf(r roster.Record) (boxes *roster.Boxes, to []roster.Key) {
	switch r := r.(type) {
	case *roster.Admit:
		return r.Boxes, []roster.Key{r.Card.Card.Device, r.Card.Card.Account}
	case *roster.AddDevice:
		return r.Boxes, []roster.Key{r.Device.Card.Device}
	case *roster.MakeInvite:
		return r.Boxes, []roster.Key{r.Invite.Key}
	}
	return nil, nil
}

// A kemGiven is a KEM key that a record says a recipient has.
type kemGiven struct {
	to  roster.Key
	kem []byte
}

// kemsOf returns the KEM keys that a record names.
func kemsOf(r roster.Record) []kemGiven {
	switch r := r.(type) {
	case *roster.Admit:
		k := &r.Card.Card
		return []kemGiven{{k.Device, k.KEM}, {k.Account, k.AccountKEM}}
	case *roster.AddDevice:
		return []kemGiven{{r.Device.Card.Device, r.Device.Card.KEM}}
	case *roster.MakeInvite:
		return []kemGiven{{r.Invite.Key, r.Invite.KEM}}
	}
	return nil
}

func whyAsk(a namedAsk, what string) string {
	return fmt.Sprintf("record %d of log %s, %s, names as what asked for it event %d of log %s, which %s", a.seq, a.log.Short(), a.record.Type(), a.ask.Seq, a.ask.Log.Short(), what)
}
