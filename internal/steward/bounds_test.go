// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A batch has so many bytes; the rest comes with the next.
func TestBatchIsBounded(t *testing.T) {
	x := village(t, sealedGenesis())
	ranges := make([]roster.LogRange, roster.MaxRanges)
	for i := range ranges {
		ranges[i] = roster.LogRange{Log: x.devices["will1"].log, Range: roster.Range{First: uint64(3 * i), Count: 1}}
	}
	var asks []Ask
	for range 12 {
		asks = append(asks, x.request("ada1", &ranges))
	}
	batches, done := 0, 0
	for more := true; more; batches++ {
		b := x.answer(asks...)
		bytes := 0
		for _, r := range b.Records {
			bytes += len(r.Body)
		}
		if bytes > MaxBatch || bytes == 0 {
			t.Errorf("%d bytes", bytes)
		}
		more, done = b.More, done+len(b.Outcomes)
	}
	if batches != 3 || done != len(asks) {
		t.Errorf("%d asks in %d batches", done, batches)
	}
}

// Refusals take room, too: one answer a log.
func TestAnswersAreBounded(t *testing.T) {
	x := village(t, sealedGenesis())
	w := &draft{refused: map[digest.Hash]uint64{}, waiting: map[digest.Hash]int{}, bytes: MaxBatch - answerBytes}
	for i, name := range []string{"will1", "will1", "rita1"} {
		a := x.request(name, account("amy"))
		room, err := x.desk.handle(w, &a, false)
		if err != nil || room != (i == 0) {
			t.Errorf("%d: room %v, %v", i, room, err)
		}
	}
}

// Asks of one log are answered in its order, however they come, and each once.
func TestOrder(t *testing.T) {
	x := village(t, sealedGenesis())
	one, two := x.request("ada1", role("rita", roster.Writer)), x.request("ada1", role("amy", roster.Reader))
	other := x.request("amy1", role("will", roster.Reader))
	b := x.answer(two, other, two, one, one)
	if len(b.Outcomes) != 3 {
		t.Fatalf("%+v", b.Outcomes)
	}
	for i, want := range []Ask{one, other, two} {
		if b.Outcomes[i].Ask != want.AskRef || b.Outcomes[i].Fate != Carried {
			t.Errorf("%d: %+v", i, b.Outcomes[i])
		}
	}
}

// An ask that names no log is nobody's, and not on the steward's authority.
func TestAskOfNoLog(t *testing.T) {
	x := village(t, sealedGenesis())
	if b := x.answer(Ask{Body: &roster.Request{Content: account("rita")}}, Ask{roster.AskRef{Log: x.devices["ada1"].log}, &roster.EraseOwn{}}); len(b.Records)+len(b.Outcomes) > 0 {
		t.Errorf("%+v", b)
	}
}

// Removals list what is held of the logs that go, but of those that were cut before.
func TestCuts(t *testing.T) {
	x := village(t, sealedGenesis())
	x.answer(x.link("will", "will2", "will"))
	x.answer(x.moved("will", "will1", false))
	old, now, second := x.s.Logs(), x.devices["will1"].log, x.devices["will2"].log
	b := x.answer(x.ask(x.devices["will1"], &roster.Leave{}))
	r, err := roster.Decode(b.Records[0].Type, b.Records[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	cuts := map[digest.Hash]uint64{}
	for _, c := range r.(*roster.Remove).Cuts {
		cuts[c.Log] = c.Size
	}
	if len(cuts) != 2 || cuts[now] != 2 || cuts[second] != 1 {
		t.Errorf("%d of %d logs are cut: %v", len(cuts), len(old), cuts)
	}
}

// A removal closes all invites but links of others if somebody is put out, only those
// that the account may know if it goes by itself, and those that a person did not keep.
func TestInvitesAtARemoval(t *testing.T) {
	open := func(x *town) (all string) {
		for _, n := range []string{"admins' door", "amy's", "door", "link", "mine"} {
			if v, _ := x.s.Invite(pub(n)); v.Open {
				all += n + " "
			}
		}
		return all
	}
	for name, c := range map[string]struct {
		do   func(x *town)
		want string
	}{
		"put out":        {func(x *town) { x.answer(x.request("ada1", account("amy"))) }, "link "},
		"device put out": {func(x *town) { x.answer(x.request("ada1", oneDevice("amy", "amy1"))) }, "link "},
		"leaves":         {func(x *town) { x.answer(x.ask(x.devices["amy1"], &roster.Leave{})) }, "admins' door link mine "},
		"own device":     {func(x *town) { x.answer(x.request("amy1", oneDevice("amy", "amy1"))) }, "admins' door link mine "},
		"by a person": {func(x *town) {
			q := &roster.Request{Content: account("amy")}
			x.fate(x.write(x.desk.Own([]Act{{Body: q, Keep: []roster.Key{pub("mine"), pub("nothing")}}}, x.now)), Carried, "")
		}, "link mine "},
	} {
		x := found(t, sealedGenesis())
		x.admit(roster.Admin, "ada", "ada1")
		x.own(x.invite("door", roster.Admin, 2))
		x.own(x.invite("admins' door", roster.Admin, 1))
		x.answer(x.join("amy", "amy1", "door"))
		x.answer(x.request("amy1", x.invite("amy's", roster.Reader, 1)), x.request("ada1", x.invite("mine", roster.Reader, 1)), x.request("ada1", x.linkInvite("link", "ada", "ada")))
		if got := open(x); got != "admins' door amy's door link mine " {
			t.Fatal(got)
		}
		c.do(x)
		if got := open(x); got != c.want {
			t.Errorf("%s: %q stay open, want %q", name, got, c.want)
		}
	}
}

// A steward whose device belongs to nobody acts for others, not by itself.
func TestStewardWithoutAccount(t *testing.T) {
	x := village(t, sealedGenesis())
	v := x.invite("gate", roster.Reader, 1)
	v.Expiry = uint64(x.now.Unix()) + 1
	x.own(v)
	term := &roster.Term{Last: x.s.Prefix(), Term: 1, Steward: pub("box"), By: roster.ByOwner}
	term.Sign(x.topic, 0, keyOf("owner"))
	x.takeOver("box", term)
	x.now = x.now.Add(2e9)
	if b := x.write(x.desk.Due(x.now)); len(b.Records) != 1 || b.Epoch == nil {
		t.Errorf("%d records", len(b.Records))
	}
	b := x.own(account("rita"))
	x.fate(b, Refused, Reason(roster.VoidRight))
	if !b.Outcomes[0].By.IsZero() || len(b.Records) > 0 {
		t.Errorf("%+v", b)
	}
	x.fate(x.answer(x.request("ada1", account("rita"))), Carried, "")
	x.fate(x.answer(x.join("ned", "ned1", "gate")), Unheard, ReasonExpired) // the removal closed it
	c := x.deviceCard("ada", "box")
	device := &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf("ada"), keyOf("box"))}
	x.fate(x.write(x.desk.Own([]Act{{Body: device}}, x.now)), Carried, "")
	x.fate(x.own(account("rep")), Carried, "")
}

// An account that was removed has no authority as the steward's, either.
func TestRemovedSteward(t *testing.T) {
	x := village(t, sealedGenesis())
	x.answer(x.request("ada1", account("rita")))
	term := &roster.Term{Last: x.s.Prefix(), Term: 1, Steward: pub("rita1"), By: roster.ByOwner}
	term.Sign(x.topic, 0, keyOf("owner"))
	x.takeOver("rita1", term)
	b := x.own(right("will", "ada"))
	x.fate(b, Refused, Reason(roster.VoidRight))
	if !b.Outcomes[0].By.IsZero() {
		t.Error("she acts for her account")
	}
}

var errDisk = errors.New("disk")

type noLogs struct{}

func (noLogs) Held(digest.Hash) (uint64, digest.Hash, error) { return 0, digest.Hash{}, errDisk }

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) { return 0, errDisk }

// Errors of the store and of the source of randomness are passed on.
func TestErrors(t *testing.T) {
	x := village(t, sealedGenesis())
	a := x.request("ada1", account("rita"))
	x.desk.random = noRandom{}
	if _, err := x.desk.Answer([]Ask{a}, x.now); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	x.restart()
	x.desk.logs = noLogs{}
	if _, err := x.desk.Answer([]Ask{a}, x.now); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	x.restart()
	x.fate(x.answer(a), Carried, "")
}

func TestFateString(t *testing.T) {
	if s := fmt.Sprint(Carried, Refused, Unheard, Waiting, Fate(9)); s != "carried out refused not heard waiting fate 9" {
		t.Error(s)
	}
}
