// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"errors"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// takeOver begins the next leg, after a handover or with a term record, and makes the
// Desk of its device.
func (x *town) takeOver(device string, t *roster.Term) {
	x.t.Helper()
	leg, r, err := Begin(x.s, pub(device), t, x.now, x.last())
	if err != nil {
		x.t.Fatal(err)
	}
	x.beginLeg(leg, r)
	x.restart()
}

// A handover to a device of another account waits for a person.
func TestHandoverWaits(t *testing.T) {
	x := village(t, sealedGenesis())
	a := x.request("will1", nil)
	b := x.answer(a, a)
	x.fate(b, Waiting, ReasonPerson)
	if len(b.Records) > 0 || len(b.Outcomes) != 1 {
		t.Errorf("%d records, %d outcomes", len(b.Records), len(b.Outcomes))
	}
	b = x.write(x.desk.Decide(a, true, x.now))
	x.fate(b, Carried, "")
	if _, err := x.desk.Answer(nil, x.now); !errors.Is(err, ErrNotSteward) {
		t.Error(err)
	}
	if _, err := New(Config{State: x.s, Device: pub("desk")}); !errors.Is(err, ErrNotSteward) {
		t.Error(err)
	}
	x.takeOver("will1", nil)
	if x.desk.EpochDue() {
		t.Error("the heir has no secret")
	}
	x.fate(x.answer(x.join("ned", "ned1", "door")), Carried, "")
	x.fate(x.answer(x.request("ada1", account("owner"))), Refused, Reason(roster.VoidOwner))
}

func TestHandoverDeclined(t *testing.T) {
	x := village(t, sealedGenesis())
	a := x.request("will1", nil)
	x.answer(a)
	x.fate(x.write(x.desk.Decide(a, false, x.now)), Refused, ReasonDeclined)
	if b := x.answer(a); len(b.Outcomes) > 0 {
		t.Error("it is asked for still")
	}
	if b := x.write(x.desk.Decide(a, false, x.now)); len(b.Records) > 0 {
		t.Error("it was answered twice")
	}
}

// A device that asks for something else no longer wants the roster.
func TestHandoverOvertaken(t *testing.T) {
	for name, c := range map[string]func(x *town) Ask{
		"carried out": func(x *town) Ask { return x.request("will1", x.cut("will1")) },
		"refused":     func(x *town) Ask { return x.request("will1", account("rita")) },
		"waiting":     func(x *town) Ask { return x.request("will1", nil) },
	} {
		x := village(t, sealedGenesis())
		b := x.answer(x.request("will1", nil), c(x))
		if o := b.Outcomes[0]; o.Fate != Refused || o.Why != ReasonLater {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// Devices of the owner and of the steward's own account need no word. What was refused
// before is answered before, and what comes behind waits for the next steward.
func TestHandoverAtOnce(t *testing.T) {
	x := village(t, sealedGenesis())
	x.answer(x.link("owner", "server", "owner"))
	b := x.answer(x.request("will1", account("rita")), x.request("ada1", account("rita")), x.request("server", nil), x.request("amy1", key("door")))
	if !b.More || len(b.Outcomes) != 3 || b.Records[len(b.Records)-1].Type != "xf/handover" {
		t.Fatalf("more %v, %d outcomes", b.More, len(b.Outcomes))
	}
	x.fate(b, Carried, "")
	x.takeOver("server", nil)
	amy := x.devices["amy1"]
	x.fate(x.answer(Ask{roster.AskRef{Log: amy.log, Seq: uint64(len(amy.asks) - 1)}, amy.asks[len(amy.asks)-1]}), Refused, ReasonStale) // the removal closed it
}

// An ask that its device repeated before it got the roster moves nothing further.
func TestHandoverToTheSteward(t *testing.T) {
	x := village(t, sealedGenesis())
	x.write(x.desk.Decide(x.request("will1", nil), true, x.now))
	again := x.request("will1", nil)
	x.takeOver("will1", nil)
	x.fate(x.answer(again), Refused, ReasonSteward)
	if b := x.answer(again); len(b.Records) > 0 {
		t.Errorf("%d records for an ask that is settled", len(b.Records))
	}
}

// A term begins with an epoch, though its steward does not know the secret of the last.
func TestTerm(t *testing.T) {
	for _, known := range []bool{true, false} {
		x := village(t, sealedGenesis())
		a := x.join("ned", "ned1", "door")
		x.answer(a)
		q := x.request("ada1", role("rita", roster.Writer))
		last := x.s.Prefix()
		x.legs[0].Records = x.legs[0].Records[:last.Size]
		term := &roster.Term{Last: last, Term: 1, Steward: pub("will1"), By: roster.ByOwner}
		term.Sign(x.topic, 0, keyOf("owner"))
		if !known {
			x.kept = nil
		}
		x.takeOver("will1", term)
		b := x.answer(q)
		x.fate(b, Carried, "")
		if b.Epoch == nil || b.Records[0].Type != "xf/epoch" || b.Epoch.Number != 1 {
			t.Errorf("%d records, epoch %v", len(b.Records), b.Epoch)
		}
		if leads := x.step(); leads != known {
			t.Errorf("the step leads to the epoch before: %v", leads)
		}
	}
}

func TestNotTheSteward(t *testing.T) {
	x := village(t, sealedGenesis())
	for name, c := range map[string]Config{
		"another device": {State: x.s, Device: pub("ada1")},
		"not founded":    {State: newState(t, x), Device: pub("desk")},
		"closed":         {State: closedState(t, x), Device: pub("desk")},
	} {
		if _, err := New(c); !errors.Is(err, ErrNotSteward) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Begin(x.s, pub("ada1"), nil, x.now, 0); !errors.Is(err, roster.ErrRefused) {
		t.Error("a leg without a handover:", err)
	}
}

func newState(t *testing.T, x *town) *roster.State {
	s, err := roster.New(x.topic, x.g.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closedState(t *testing.T, x *town) *roster.State {
	s := x.s.Clone()
	if _, err := s.Apply(s.Position().Size, "xf/admit", 0, nil); !errors.Is(err, roster.ErrClosed) {
		t.Fatal(err)
	}
	return s
}

// Records that a term record made void are repeated if they took something away.
func TestRepeat(t *testing.T) {
	x := village(t, sealedGenesis())
	place, back := x.s.Clone(), x.s.Prefix().Size
	x.own(key("door"))
	x.answer(x.request("ada1", account("rita")), x.request("amy1", x.cut("will1")), x.request("ada1", x.admission(roster.Reader, "ned", "ned1")))
	x.own(account("rep"))
	void := append(x.legs[0].Records[back:], roster.Raw{Type: "xf/admit"}, x.legs[0].Records[back])
	records := ToRepeat(void)
	if len(records) != 4 {
		t.Fatalf("%d records to repeat, want 4 that stand before the one that closes", len(records))
	}
	x.s, x.legs[0].Records = place, x.legs[0].Records[:back]
	term := &roster.Term{Last: x.s.Prefix(), Term: 1, Steward: pub("box"), By: roster.ByOwner}
	term.Sign(x.topic, 0, keyOf("owner"))
	x.takeOver("box", term)
	var fates []Fate
	for len(records) > 0 {
		b := x.write(x.desk.Repeat(records, x.now))
		for _, o := range b.Outcomes {
			fates = append(fates, o.Fate)
		}
		records = records[len(b.Outcomes):]
	}
	if want := []Fate{Refused, Carried, Carried, Refused}; !slices.Equal(fates, want) { // the device has no account
		t.Errorf("%v, want %v", fates, want)
	}
	if a, _ := x.s.Account(pub("rita")); a.Belongs() {
		t.Error("she is back")
	}
	b := x.write(x.desk.Repeat(ToRepeat(void), x.now))
	for _, o := range b.Outcomes {
		if o.Fate != Refused {
			t.Errorf("repeated again: %+v", o)
		}
	}
	if len(b.Records) > 0 || len(b.Outcomes) != 4 {
		t.Errorf("%d records", len(b.Records))
	}
}
