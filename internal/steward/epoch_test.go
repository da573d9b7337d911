// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// step reports whether the newest epoch's step leads to the epoch before.
func (x *town) step() bool {
	all := x.s.Epochs()
	e, before := &all[len(all)-1].Epoch, &all[len(all)-2].Epoch
	s, parent := seal.Step(e.Step), infoOf(before)
	_, err := seal.OpenStep(&s, x.desk.epoch.Secret, e.ID, &parent)
	return err == nil
}

// The first epoch follows the founding, for the owner and the steward's device.
func TestFirstEpoch(t *testing.T) {
	x := found(t, sealedGenesis())
	if !x.desk.EpochDue() {
		t.Error("no epoch is due")
	}
	b := x.write(x.desk.Due(x.now))
	if len(b.Records) != 1 || len(b.Boxes) != 2 || b.Epoch == nil || b.Epoch.Number != 0 || x.desk.EpochDue() {
		t.Errorf("%d records, %d boxes", len(b.Records), len(b.Boxes))
	}
	if e, _ := x.s.Epoch(); len(e.Step) > 0 {
		t.Error("a step from the first epoch")
	}
}

// Removals in a row share an epoch; what brings boxes behind them gets those of it.
func TestEpochsOfABatch(t *testing.T) {
	x := village(t, sealedGenesis())
	b := x.answer(x.request("ada1", account("rita")), x.request("ada1", account("rep")), x.request("ada1", x.admission(roster.Reader, "ned", "ned1")),
		x.request("ada1", key("gate")), x.request("ada1", account("amy")))
	var types []string
	for _, r := range b.Records {
		types = append(types, r.Type)
	}
	want := []string{"xf/remove", "xf/remove", "xf/epoch", "xf/admit", "xf/answer"}
	if len(types) != len(want) || !b.More || len(b.Outcomes) != 4 {
		t.Fatalf("%v, more %v, %d outcomes", types, b.More, len(b.Outcomes))
	}
	for i := range want {
		if types[i] != want[i] {
			t.Errorf("%v, want %v", types, want)
		}
	}
	if !x.step() {
		t.Error("the step leads nowhere")
	}
	b = x.answer(x.request("ada1", account("amy")), x.request("ada1", x.invite("gate", roster.Reader, 1)), x.request("ada1", role("will", roster.Replica)))
	if len(b.Outcomes) != 2 || !b.More {
		t.Errorf("%d outcomes, more %v", len(b.Outcomes), b.More)
	}
}

func TestPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		policy identity.Policy
		steps  int
		number uint64 // one for each that was let in, if newcomers read no history
	}{"sealed": {identity.PolicySealed, 0, 6}, "plain": {0, 0, 1}, "history": {identity.PolicySealed | identity.PolicyHistory, seal.StepBytes, 1}} {
		g := sealedGenesis()
		g.Policy, g.EraseDays = c.policy, 0
		x := village(t, g)
		x.answer(x.request("ada1", account("rita")))
		if e, _ := x.s.Epoch(); e.Number != c.number || len(e.Step) != c.steps {
			t.Errorf("%s: epoch %d with a step of %d bytes", name, e.Number, len(e.Step))
		}
		x.fate(x.answer(x.request("ada1", x.ranges("will1"))), Refused, Reason(roster.VoidPolicy))
	}
}

// If no more than a beginning of a batch was written, the Desk that is made of it goes on:
// with the epoch, and with what is not settled.
func TestPartOfABatch(t *testing.T) {
	for n := range 5 {
		x := village(t, sealedGenesis())
		asks := []Ask{x.request("ada1", account("rita")), x.request("ada1", x.admission(roster.Reader, "ned", "ned1")), x.request("amy1", account("owner"))}
		b, err := x.desk.Answer(asks, x.now)
		if err != nil || len(b.Records) != 4 {
			t.Fatalf("%d records, %v", len(b.Records), err)
		}
		x.keep(b)
		for _, r := range b.Records[:n] {
			x.append(r)
		}
		x.restart()
		if got, want := x.desk.EpochDue(), n == 1; got != want {
			t.Errorf("behind %d records an epoch is due: %v", n, got)
		}
		x.answer(asks...)
		rita, _ := x.s.Account(pub("rita"))
		ned, _ := x.s.Account(pub("ned"))
		if e, _ := x.s.Epoch(); e.Number != 1 || rita.Belongs() || !ned.Belongs() || x.s.Position().Size != b.First+4 || x.s.Settled(asks[2].Log) != asks[2].Seq+1 {
			t.Errorf("behind %d records: epoch %d at %v", n, e.Number, x.s.Position())
		}
	}
}

// In an open topic there are no epochs and no boxes, and the log that counts without
// admission is cut with the others.
func TestOpenTopic(t *testing.T) {
	x := village(t, openGenesis())
	x.answer(x.join("ned", "ned1", "door"))
	x.turn(x.devices["ned1"], 1)
	open := roster.DataLog(x.topic, pub("ned2"), 4096, 0)
	x.devices["ned2"] = &device{name: "ned2", account: "ned", log: open}
	x.byLog[open] = x.devices["ned2"]
	x.turn(x.devices["ned2"], 1)
	x.byLog[open].asks = append(x.byLog[open].asks, &roster.EraseOwn{}) // events without admission
	x.answer(x.link("ned", "ned2", "ned"))
	b := x.answer(x.request("ada1", account("ned")))
	x.fate(b, Carried, "")
	if len(b.Boxes) > 0 || b.Epoch != nil || x.desk.EpochDue() {
		t.Error("an epoch in an open topic")
	}
	if l, ok := x.s.Log(open); !ok || len(l.Cuts) != 1 || l.Cuts[0].Size != 1 {
		t.Errorf("%+v", l)
	}
	if b := x.write(x.desk.Renew(x.now)); len(b.Records) > 0 {
		t.Error("an epoch in an open topic")
	}
}

// A KEM key that got in though it is none gets noise, and everybody else a box.
func TestNoKEMKey(t *testing.T) {
	x := village(t, sealedGenesis())
	c := x.card("ned", "ned1")
	spoil(c.KEM)
	admit := &roster.Admit{Role: roster.Reader, Card: roster.SignCard(x.topic, c, keyOf("ned"), keyOf("ned1"))}
	log := roster.BoxLog(x.topic, pub("desk"), 0, 0)
	admit.Boxes = &roster.Boxes{Log: log, First: 0, Count: 2}
	body, err := roster.Encode(nil, admit)
	if err != nil {
		t.Fatal(err)
	}
	x.append(roster.Raw{Type: admit.Type(), Time: x.last(), Body: body}) // by a steward that did not look
	x.restart()
	b, err := x.desk.Renew(x.now)
	if err != nil {
		t.Fatal(err)
	}
	x.keep(b)
	r := x.append(b.Records[0]).(*roster.Epoch)
	for _, to := range x.s.Recipients() {
		if to.ID != c.Device {
			x.checkOpens(r, &r.Boxes, to)
		}
	}
	x.fate(x.answer(x.request("ned1", nil)), Refused, ReasonKEM) // it could not open the newest epoch
	if n := len(b.Boxes); n != len(x.s.Recipients()) {
		t.Errorf("%d boxes", n)
	}
}

// Due renews an epoch that is worn, once a day at most; Renew does when it is told.
func TestRenew(t *testing.T) {
	x := village(t, sealedGenesis())
	number := func() uint64 {
		e, _ := x.s.Epoch()
		return e.Number
	}
	x.write(x.desk.Due(x.now))
	if number() != 0 {
		t.Error("renewed at once")
	}
	x.now = x.now.Add(RenewAfter)
	x.write(x.desk.Due(x.now))
	if number() != 0 {
		t.Error("renewed though nobody wants it")
	}
	for i, wear := range []func() Batch{
		func() Batch { return x.answer(x.join("ned", "ned1", "admins' door")) }, // its last use
		func() Batch { return x.answer(x.renewed("rita", "rita1")) },
		func() Batch { // whoever asked for an invite is an admin no more
			x.answer(x.request("amy1", x.invite("amy's", roster.Reader, 1)))
			return x.answer(x.request("ada1", role("amy", roster.Writer)))
		},
	} {
		x.write(x.desk.Renew(x.now))
		was := number()
		x.fate(wear(), Carried, "")
		x.now = x.now.Add(RenewAfter - time.Second)
		x.write(x.desk.Due(x.now))
		if number() != was {
			t.Errorf("%d: renewed within a day", i)
		}
		x.now = x.now.Add(time.Second)
		x.write(x.desk.Due(x.now))
		x.write(x.desk.Due(x.now.Add(2 * RenewAfter)))
		if number() != was+1 || !x.step() {
			t.Errorf("%d: epoch %d, before it was %d", i, number(), was)
		}
	}
}

// A Desk that was not told the newest epoch's secret makes another epoch first, and
// takes no other secret for it.
func TestSecretLost(t *testing.T) {
	x := village(t, sealedGenesis())
	right := x.kept[0]
	wrong := right
	wrong.Join[0] ^= 1
	x.kept = []EpochSecret{wrong, {Number: 7}}
	x.restart()
	if !x.desk.EpochDue() {
		t.Error("a wrong secret was taken")
	}
	b := x.answer(x.join("ned", "ned1", "door"))
	x.fate(b, Carried, "")
	if b.Epoch == nil || b.Epoch.Number != 1 || x.step() {
		t.Errorf("%+v", b.Epoch)
	}
	x.kept = append(x.kept, right)
	x.restart()
	if x.desk.EpochDue() {
		t.Error("the right secret was not found")
	}
}

// The clock may go back: times in the roster do not.
func TestClockGoesBack(t *testing.T) {
	x := village(t, sealedGenesis())
	x.now = x.now.Add(-time.Hour)
	x.fate(x.answer(x.join("ned", "ned1", "door")), Carried, "")
	x.restart()
	x.now = time.Unix(-5, 0)
	v := x.invite("gate", roster.Reader, 1)
	v.Expiry = 5
	x.fate(x.own(v), Carried, "")
	x.fate(x.answer(x.join("nora", "nora1", "door")), Carried, "")
}
