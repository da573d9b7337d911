// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
)

// village returns a town with one account of each role, and two admins.
func village(t testing.TB, g identity.Genesis) *town {
	x := found(t, g)
	for _, p := range []struct {
		name string
		role roster.Role
	}{{"ada", roster.Admin}, {"amy", roster.Admin}, {"will", roster.Writer}, {"rita", roster.Reader}, {"rep", roster.Replica}} {
		x.admit(p.role, p.name, p.name+"1")
	}
	x.own(x.invite("door", roster.Writer, 2))
	x.own(x.invite("admins' door", roster.Admin, 1))
	return x
}

func account(name string) *roster.Target { return &roster.Target{Account: pub(name)} }

func oneDevice(name, device string) *roster.Target {
	return &roster.Target{Account: pub(name), Device: pub(device)}
}

func role(name string, r roster.Role) *roster.RoleChange {
	return &roster.RoleChange{Account: pub(name), Role: r}
}

func key(name string) *roster.Key {
	k := pub(name)
	return &k
}

func (x *town) cut(name string) *roster.AskedCut {
	log := x.devices[name].log
	return &roster.AskedCut{Cut: roster.Prefix{Log: log, Size: 1, Root: digest.Sum([]byte("root"))}}
}

// forked is a cut of a device's log, and shows that it is forked.
func (x *town) forked(name string) *roster.AskedCut {
	a := x.cut(name)
	a.Fork = &roster.Fork{Author: pub(name), PageBytes: 4096, Number: x.devices[name].number, Root: digest.Sum([]byte("b"))}
	for h, root := range map[*roster.Head]digest.Hash{&a.Fork.Old: digest.Sum([]byte("a")), &a.Fork.New: a.Fork.Root} {
		head := proof.Sign(keyOf(name), a.Cut.Log, 1, root)
		*h = roster.Head{Size: 1, Root: head.Root, Sig: head.Sig}
	}
	return a
}

func (x *town) ranges(name string) *[]roster.LogRange {
	return &[]roster.LogRange{{Log: x.devices[name].log, Range: roster.Range{First: 3, Count: 2}}}
}

func (x *town) view(names ...string) *roster.ViewState {
	v := &roster.ViewState{View: "list", Version: 1, At: x.s.Point(), Hash: digest.Sum([]byte("state"))}
	for _, n := range names {
		v.Logs = append(v.Logs, x.cut(n).Cut)
	}
	return v
}

func right(name, on string) *roster.Right {
	r := &roster.Right{Account: pub(name), What: "print", Calls: 3}
	if on != "" {
		r.On = pub(on)
	}
	return r
}

// spoil makes a KEM key bytes that are none.
func spoil(kem []byte) {
	for i := range kem {
		kem[i] = 0xff
	}
}

// renewed is the ask of a device for another KEM key.
func (x *town) renewed(account, name string) Ask {
	d := x.devices[name]
	d.kem++
	return x.ask(d, &roster.DeviceAsk{Device: roster.SignDevice(x.topic, x.deviceCard(account, name), keyOf(account), keyOf(name))})
}

// linked is the ask of a new device that an invite links.
func (x *town) linked(account, name string) Ask {
	x.answer(x.request(account+"1", x.linkInvite("link "+name, account, account)))
	return x.link(account, name, "link "+name)
}

// moved is the ask of a device that goes on in another log: the end of the one that it has is held.
func (x *town) moved(account, name string, sameKEM bool) Ask {
	d := x.devices[name]
	kem := x.deviceCard(account, name).KEM
	size, root, _ := x.Held(d.log)
	x.turn(d, d.number+1)
	c := x.deviceCard(account, name)
	if sameKEM {
		c.KEM = kem
	}
	if size > 0 {
		c.Ends = &roster.End{Size: size, Root: root}
	}
	return x.ask(d, &roster.DeviceAsk{Device: roster.SignDevice(x.topic, c, keyOf(name), keyOf(name))})
}

// Each row of the table, as it is carried out.
func TestCarriedOut(t *testing.T) {
	for name, ask := range map[string]func(x *town) Ask{
		"admit by an invite":               func(x *town) Ask { return x.join("ned", "ned1", "door") },
		"admit an admin by an invite":      func(x *town) Ask { return x.join("ned", "ned1", "admins' door") },
		"admit":                            func(x *town) Ask { return x.request("ada1", x.admission(roster.Admin, "ned", "ned1")) },
		"admit a replica":                  func(x *town) Ask { return x.request("ada1", x.admission(roster.Replica, "ned", "ned1")) },
		"device by the account":            func(x *town) Ask { return x.link("rita", "rita2", "rita") },
		"device by a device":               func(x *town) Ask { return x.link("rita", "rita2", "rita1") },
		"device by an invite":              func(x *town) Ask { return x.linked("rita", "rita2") },
		"device of a replica":              func(x *town) Ask { return x.link("rep", "rep2", "rep") },
		"another KEM key":                  func(x *town) Ask { return x.renewed("will", "will1") },
		"another log":                      func(x *town) Ask { return x.moved("will", "will1", false) },
		"another log and the same KEM key": func(x *town) Ask { return x.moved("will", "will1", true) },
		"role down":                        func(x *town) Ask { return x.request("ada1", role("amy", roster.Reader)) },
		"role up":                          func(x *town) Ask { return x.request("ada1", role("rita", roster.Admin)) },
		"role of oneself":                  func(x *town) Ask { return x.request("ada1", role("ada", roster.Writer)) },
		"role to replica":                  func(x *town) Ask { return x.request("ada1", role("rita", roster.Replica)) },
		"remove an account":                func(x *town) Ask { return x.request("ada1", account("amy")) },
		"remove oneself":                   func(x *town) Ask { return x.request("rita1", account("rita")) },
		"leave":                            func(x *town) Ask { return x.ask(x.devices["rep1"], &roster.Leave{}) },
		"remove a device":                  func(x *town) Ask { return x.request("ada1", oneDevice("will", "will1")) },
		"remove a device of one's own":     func(x *town) Ask { return x.request("rita1", oneDevice("rita", "rita1")) },
		"invite":                           func(x *town) Ask { return x.request("ada1", x.invite("gate", roster.Admin, 3)) },
		"invite for a device":              func(x *town) Ask { return x.request("rep1", x.linkInvite("gate", "rep", "rep1")) },
		"uninvite":                         func(x *town) Ask { return x.request("ada1", key("door")) },
		"cut one's own log":                func(x *town) Ask { return x.request("rita1", x.cut("rita1")) },
		"cut another's log":                func(x *town) Ask { return x.request("ada1", x.cut("amy1")) },
		"cut a forked log":                 func(x *town) Ask { return x.request("rita1", x.forked("ada1")) },
		"cut a forked log again":           func(x *town) Ask { x.own(x.forked("ada1")); return x.request("rita1", x.forked("ada1")) },
		"erase":                            func(x *town) Ask { return x.request("ada1", x.ranges("will1")) },
		"snapshot":                         func(x *town) Ask { return x.request("will1", x.view("will1")) },
		"grant by an admin":                func(x *town) Ask { return x.request("ada1", right("rita", "")) },
		"grant by whose devices they are":  func(x *town) Ask { return x.request("rita1", right("will", "rita")) },
	} {
		t.Run(name, func(t *testing.T) {
			x := village(t, sealedGenesis())
			a := ask(x)
			b := x.answer(a)
			x.fate(b, Carried, "")
			if ref, ok := askOfFirst(t, b); !ok || ref != a.AskRef {
				t.Errorf("no record names the ask: %v", ref)
			}
			again := x.answer(a)
			if len(again.Records) > 0 || len(again.Outcomes) > 0 {
				t.Errorf("asked again: %+v", again)
			}
		})
	}
}

// askOfFirst returns what the first record of a batch names.
func askOfFirst(t *testing.T, b Batch) (roster.AskRef, bool) {
	t.Helper()
	if len(b.Records) == 0 {
		t.Fatal("no record")
	}
	r, err := roster.Decode(b.Records[0].Type, b.Records[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return roster.AskOf(r)
}

func TestExpiry(t *testing.T) {
	x := village(t, sealedGenesis())
	v := x.invite("gate", roster.Reader, 2)
	v.Expiry = uint64(x.now.Add(time.Minute).Unix())
	x.answer(x.request("ada1", v))
	x.fate(x.answer(x.join("ned", "ned1", "gate")), Carried, "")
	x.now = x.now.Add(time.Minute)
	x.fate(x.answer(x.join("nora", "nora1", "gate")), Refused, ReasonExpired)
	b := x.write(x.desk.Due(x.now))
	if got, _ := x.s.Invite(v.Key); got.Open || b.Epoch == nil || len(b.Records) != 2 {
		t.Errorf("open %v, %d records", got.Open, len(b.Records))
	}
	if b := x.write(x.desk.Due(x.now)); len(b.Records) > 0 {
		t.Errorf("%d records for nothing", len(b.Records))
	}
	x.fate(x.answer(x.join("nina", "nina1", "gate")), Unheard, ReasonExpired)
}

// An invite admits as many as it says, in the order in which they are learned of.
func TestUses(t *testing.T) {
	x := village(t, sealedGenesis())
	b := x.answer(x.join("ned", "ned1", "door"), x.join("nora", "nora1", "door"), x.join("nina", "nina1", "door"))
	for i, want := range []Fate{Carried, Carried, Unheard} {
		if b.Outcomes[i].Fate != want {
			t.Errorf("newcomer %d: %v", i, b.Outcomes[i])
		}
	}
}
