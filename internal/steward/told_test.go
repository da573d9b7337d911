// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// held returns the records of a leg.
func (x *town) held(leg roster.LegID) ([]roster.Raw, error) {
	for _, l := range x.legs {
		if l.LegID == leg {
			return l.Records, nil
		}
	}
	return nil, roster.ErrPosition
}

// tell says what the roster says of one ask.
func (x *town) tell(a Ask) Told {
	x.t.Helper()
	all, err := Tell(x.s, x.held, []Ask{a}, uint64(max(x.now.Unix(), 0)))
	if err != nil {
		x.t.Fatal(err)
	}
	return all[0]
}

// checkTold holds what the roster says of asks against what the steward said of them.
// Histories of many records are left out: each is folded again. In a batch of many asks
// an answer may stand behind records that came after what it refuses.
func (x *town) checkTold(b *Batch) {
	x.t.Helper()
	if len(x.legs[len(x.legs)-1].Records) > 60 || len(b.Outcomes) > 1 {
		return
	}
	last := map[roster.AskRef]Outcome{}
	for _, o := range b.Outcomes {
		last[o.Ask] = o
	}
	for ref, o := range last {
		d := x.byLog[ref.Log]
		if d == nil || ref.Seq >= uint64(len(d.asks)) || o.Why == ReasonLater {
			continue
		}
		x.checkOne(Ask{ref, d.asks[ref.Seq]}, o)
	}
}

func (x *town) checkOne(a Ask, o Outcome) {
	x.t.Helper()
	got := x.tell(a)
	want := map[Fate][]Standing{Carried: {Done}, Refused: {Denied, Outdated}, Unheard: {Denied, Outdated, Open}, Waiting: {Open}}[o.Fate]
	ok := false
	for _, s := range want {
		ok = ok || got.Standing == s
	}
	if !ok || (got.Standing == Outdated) != (o.Why == ReasonStale) || o.Fate == Carried && got.At.Size == 0 {
		x.t.Errorf("the steward says %v (%s), and the roster %d at %v (%s) of %s", o.Fate, o.Why, got.Standing, got.At, got.Why, a.Body.Type())
	}
	if o.Fate == Refused && o.Why != got.Why && o.Why != ReasonForm {
		x.t.Errorf("%s is refused since %q; the roster tells %q", a.Body.Type(), o.Why, got.Why)
	}
}

// What a roster tells of asks, beside what the steward of each test said of its own.
func TestTell(t *testing.T) {
	x := village(t, sealedGenesis())
	want := func(a Ask, s Standing, why Reason) {
		t.Helper()
		if got := x.tell(a); got.Standing != s || got.Why != why {
			t.Errorf("%d (%s), want %d (%s)", got.Standing, got.Why, s, why)
		}
	}
	waits := x.request("ada1", role("rita", roster.Writer))
	want(waits, Open, "")
	person := x.request("will1", nil)
	want(person, Open, ReasonPerson)
	x.answer(x.request("amy1", role("rita", roster.Replica)))
	want(waits, Outdated, ReasonStale)
	x.answer(waits)
	want(waits, Outdated, ReasonStale)
	b, err := x.desk.Decide(person, false, x.now)
	x.write(b, err)
	want(person, Denied, "") // nobody says why

	early := x.join("nora", "nora1", "later")
	want(early, Open, "") // the invite is not known here
	late := x.join("ned", "ned1", "admins' door")
	want(late, Open, "")
	x.own(key("admins' door"))
	want(late, Denied, Reason(roster.VoidInvite))

	none, err := Tell(x.s, x.held, nil, 0)
	if err != nil || len(none) > 0 {
		t.Errorf("%v, %v", none, err)
	}
}

// A record that names an ask and does not count leaves it open; one that does something
// else carries it out, and says so.
func TestTellOfALyingSteward(t *testing.T) {
	x := village(t, sealedGenesis())
	a := x.request("will1", account("rita"))
	write := func(r roster.Record) {
		t.Helper()
		body, err := roster.Encode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		l := &x.legs[len(x.legs)-1]
		raw := roster.Raw{Type: r.Type(), Time: x.last(), Body: body}
		if _, err := x.s.Apply(uint64(len(l.Records)), raw.Type, raw.Time, raw.Body); err != nil {
			t.Fatal(err)
		}
		l.Records = append(l.Records, raw)
	}
	write(&roster.Remove{Ask: a.AskRef, Target: *account("rita")})
	if got := x.tell(a); got.Standing != Voided || got.Why != Reason(roster.VoidRight) {
		t.Errorf("%+v", got)
	}
	write(&roster.Remove{Ask: a.AskRef, Target: *account("will")})
	if got := x.tell(a); got.Standing != Done || got.Why != ReasonOther {
		t.Errorf("%+v", got)
	}
}

// What comes behind a cut is answered by nobody.
func TestTellBehindACut(t *testing.T) {
	x := village(t, sealedGenesis())
	x.request("will1", role("rita", roster.Writer))
	x.answer(x.request("ada1", account("will")))
	behind := x.request("will1", account("rita"))
	if got := x.tell(behind); got.Standing != Denied || got.Why != ReasonCut {
		t.Errorf("%+v", got)
	}
}

// A term record makes void what was answered beyond it: the ask is open again.
func TestTellAfterATerm(t *testing.T) {
	x := village(t, sealedGenesis())
	last := x.s.Prefix()
	a := x.request("amy1", role("rita", roster.Writer))
	x.answer(a)
	term := &roster.Term{Last: last, Term: 1, Steward: pub("desk"), By: roster.ByOwner}
	term.Sign(x.topic, 0, keyOf("owner"))
	body, err := roster.Encode(nil, &roster.Begin{Term: term})
	if err != nil {
		t.Fatal(err)
	}
	log := roster.LegLog(x.topic, pub("desk"), 1, 0)
	x.legs = append(x.legs, roster.HeldLeg{
		LegID:   roster.LegID{Log: log, Author: pub("desk"), Term: 1},
		Records: []roster.Raw{{Type: "xf/begin", Time: x.now.Add(time.Hour).UnixMilli(), Body: body}},
	})
	if x.s, err = roster.Choose(x.topic, x.g.Append(nil), x.legs); err != nil || x.s.Position().Term != 1 {
		t.Fatal(x.s.Position(), err)
	}
	if got := x.tell(a); got.Standing != Open || got.Why != "" {
		t.Errorf("%+v", got)
	}
}
