// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"cmp"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A Standing is what a roster says of an ask to whoever made it.
type Standing uint8

// The standings.
const (
	Open     Standing = iota // the steward has not answered
	Done                     // a record carried it out
	Denied                   // the steward refused it, or answers no more there
	Outdated                 // what it is about changed since: it was refused for that, or is going to be
	Voided                   // a record was to carry it out, and does not count
)

// A Told is an ask with what the roster says of it.
type Told struct {
	Ask
	Standing Standing
	At       roster.Position // behind the record that says so; zero if none does
	Why      Reason          // as far as the roster tells
}

// Tell says what became of asks, by a roster and its records as they are held. Why
// something was refused is what the rules say at the record that did: a steward's person
// may have had another reason. Now is in seconds since 1970.
func Tell(st *roster.State, records func(roster.LegID) ([]roster.Raw, error), asks []Ask, now uint64) ([]Told, error) {
	t := &teller{logs: map[digest.Hash][]*Told{}}
	all := make([]Told, len(asks))
	for i, a := range asks {
		all[i].Ask = a
		t.logs[a.Log] = append(t.logs[a.Log], &all[i])
	}
	for _, of := range t.logs {
		slices.SortFunc(of, func(a, b *Told) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	if err := st.Replay(records, t.record); err != nil {
		return nil, err
	}
	for i := range all {
		if a := &all[i]; a.Standing == Open || a.Standing == Voided {
			if err := a.outlook(st, now); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// A teller holds the asks of each log, in their order.
type teller struct {
	logs map[digest.Hash][]*Told
}

// record takes note of what a record does to asks.
func (t *teller) record(before *roster.State, at roster.Position, r roster.Record, ms int64) error {
	if a, ok := r.(*roster.Answer); ok {
		for _, x := range t.logs[a.Log] {
			if err := x.deny(before, at, a.Size, ms); err != nil {
				return err
			}
		}
		return nil
	}
	ref, _ := roster.AskOf(r)
	of := t.logs[ref.Log]
	if len(of) == 0 {
		return nil
	}
	void := before.Judge(r)
	for _, x := range of {
		if x.Seq == ref.Seq && x.settles(before, r, at, void) || void != "" {
			continue
		}
		if err := x.deny(before, at, ref.Seq, ms); err != nil {
			return err
		}
	}
	return nil
}

// settles notes a record that names the ask.
func (x *Told) settles(before *roster.State, r roster.Record, at roster.Position, void roster.Void) bool {
	if x.Standing != Open && x.Standing != Voided {
		return true
	}
	x.At, x.Standing, x.Why = at, Done, ""
	switch l, _ := before.Log(x.Log); {
	case void != "":
		x.Standing, x.Why = Voided, Reason(void)
	case !roster.Matches(r, x.Body, l.Account):
		x.Why = ReasonOther
	}
	return true
}

// deny notes that a record settled all asks of the log below a sequence.
func (x *Told) deny(before *roster.State, at roster.Position, below uint64, ms int64) error {
	if x.Standing != Open && x.Standing != Voided || x.Seq >= below {
		return nil
	}
	why, err := why(before, &x.Ask, uint64(max(ms, 0)/1000))
	x.Standing, x.At, x.Why = Denied, at, why
	if why == ReasonStale {
		x.Standing = Outdated
	}
	return err
}

// outlook says what is to be expected of an ask that nothing settled yet.
func (x *Told) outlook(st *roster.State, now uint64) error {
	if !st.Founded() || x.early(st) {
		return nil // the roster that is here does not say yet
	}
	d := &Desk{state: st, now: now}
	l, _ := st.Log(x.Log)
	reason, err := why(st, &x.Ask, now)
	switch c, cut := l.Cut(); {
	case err != nil:
		return err
	case cut && x.Seq >= c.Size:
		x.Standing, x.Why = Denied, ReasonCut
	case reason == ReasonStale:
		x.Standing, x.Why = Outdated, reason
	case x.Standing == Voided:
	case reason != "" && !d.heard(&x.Ask):
		x.Standing, x.Why = Denied, reason
	case reason == "" && d.forPerson(&x.Ask, l.Device):
		x.Why = ReasonPerson
	default:
		x.Why = reason
	}
	return nil
}

// early reports whether an ask is to join by an invite that the roster does not name yet.
func (x *Told) early(st *roster.State) bool {
	j, joins := x.Body.(*roster.Join)
	if !joins {
		return false
	}
	_, known := st.Invite(j.By.Invite)
	return !known
}

// forPerson reports whether an ask waits for the steward's person.
func (d *Desk) forPerson(a *Ask, device roster.Key) bool {
	q, ok := a.Body.(*roster.Request)
	return ok && q.What == roster.AskHandover && !d.trusted(device)
}

// why returns why a steward at st does not carry out an ask at a time, in seconds since
// 1970; empty if it does, or a person decides.
func why(st *roster.State, a *Ask, now uint64) (Reason, error) {
	d := &Desk{state: st, now: now, logs: nothing{}}
	r, reason, err := d.record(a)
	if err != nil || reason != "" {
		return reason, err
	}
	if to, at := d.brings(r); len(to) > 0 && d.hasEpochs() {
		*at = d.named(len(to))
	}
	return Reason(st.Judge(r)), nil
}

// nothing is what is held of data logs if that does not matter.
type nothing struct{}

// Held implements Logs.
func (nothing) Held(digest.Hash) (uint64, digest.Hash, error) { return 0, digest.Empty, nil }
