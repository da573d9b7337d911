// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A keyed is a side's topic, of which it gets other join keys.
type keyed struct {
	v     *visit
	i     int
	topic *Topic
}

// rekey gives the side another join key, as an actor says it.
func (k *keyed) rekey(join byte) {
	was := k.topic
	k.topic = was.rekeyed(identity.Secret{join})
	k.v.in[k.i] = append(k.v.in[k.i], TopicRemoved{was}, TopicAdded{k.topic})
}

// rekeyed returns the topic with another join key.
func (t *Topic) rekeyed(join identity.Secret) *Topic {
	keys := identity.TopicKeys{Lobby: t.Keys.Lobby, Join: join}
	return &Topic{ID: t.ID, Keys: keys, Policy: t.Policy, Genesis: t.Genesis, Follows: t.Follows}
}

// keyedVisit connects sides that are in topic 1 with join key 0, and in topic 2. Certs are
// theirs, or nil.
func keyedVisit(t *testing.T, seed uint64, certs *[2]*testCertificates) (*visit, [2]*keyed) {
	a, b := newHouse(1), newHouse(2)
	for _, h := range []*house{a, b} {
		h.in[1], h.in[2] = true, true
		h.write(1, string(h.id[:]))
	}
	sides := [2]*keyed{{i: 0}, {i: 1}}
	v := visitOf(t, seed, a, b, func(i int, c *Config) {
		for _, x := range c.Topics {
			if x.ID == TestTopic(1).ID() {
				x.Policy, x.Keys.Join, sides[i].topic = 0, identity.Secret{}, x
			}
		}
		if certs != nil {
			c.Named, c.Certificates = yes, certs[i]
		}
	})
	sides[0].v, sides[1].v = v, v
	return v, sides
}

// A side that gets another join key leaves a topic and offers it anew, so that a peer
// without that key shares it no more; once it has it, both do.
func TestAnotherJoinKeyIsProvenAnew(t *testing.T) {
	v, sides := keyedVisit(t, 1, nil)
	v.rest()
	v.sharesWhatBothAreIn()
	sides[1].rekey(1)
	v.rest()
	for i := range v.shared {
		if _, shared := v.shared[i][1]; shared {
			t.Errorf("side %d shares the topic by the join key of before", i)
		}
	}
	id := v.houses[1].write(1, "for those with the new key")
	v.in[1] = append(v.in[1], v.houses[1].grew(id))
	v.rest()
	if l, _, _ := v.houses[0].Log(id); l.Size > 1 {
		t.Error("events came to a side without the join key")
	}
	sides[0].rekey(1)
	v.rest()
	v.sharesWhatBothAreIn()
}

// Join keys change on both sides at any time, also while an offer, a certificate or a LEAVE
// is on its way; nobody breaks a rule for it, and with one key at the end everything is
// shared.
func TestJoinKeysChangeOnBothSides(t *testing.T) {
	for seed := range uint64(300) {
		var certs *[2]*testCertificates
		if seed%2 == 0 {
			certs = &[2]*testCertificates{{shows: "a", believes: "b"}, {shows: "b", believes: "a"}}
		}
		v, sides := keyedVisit(t, seed, certs)
		r := rand.New(rand.NewPCG(seed, 6))
		for range 20 {
			i := r.IntN(2)
			if r.IntN(3) == 0 {
				id := v.houses[i].write(1, fmt.Sprint("event ", r.Uint64()))
				v.in[i] = append(v.in[i], v.houses[i].grew(id))
			} else {
				sides[i].rekey(byte(r.IntN(3)))
			}
			for range r.IntN(12) {
				v.step()
			}
		}
		sides[0].rekey(7)
		sides[1].rekey(7)
		v.rest()
		v.sharesWhatBothAreIn()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A topic whose only offer is stranded can be left and offered with another key, also
// before anything else is shared.
func TestAStrandedTopicIsOfferedAnew(t *testing.T) {
	for i := range 2 {
		v, sides := keyedVisit(t, uint64(i), nil)
		for _, h := range v.houses {
			delete(h.in, 2)
		}
		v = visitOf(t, uint64(i), v.houses[0], v.houses[1], func(k int, c *Config) {
			c.Topics[0].Policy, c.Topics[0].Keys.Join = 0, identity.Secret{byte(k)}
			sides[k].topic = c.Topics[0]
		})
		sides[0].v, sides[1].v = v, v
		for v.step() {
		}
		if v.ends[0].State() != Meeting || v.ends[1].State() != Meeting {
			t.Fatalf("%s and %s", v.ends[0].State(), v.ends[1].State())
		}
		sides[i].rekey(byte(1 - i))
		v.rest()
		v.sharesWhatBothAreIn()
	}
}

// A member has two sessions: by one it learns who was removed, and of the new join key; so
// the one who was removed hears it in the other, and gets nothing more.
func TestAMemberBetweenOneThatKnowsAndOneRemoved(t *testing.T) {
	for seed := range uint64(20) {
		k := newClub(t)
		owner := &member{club: k, name: "owner's device", size: bobGoes + 1, shows: belongs(1)}
		ann := &member{club: k, name: "ann's device", size: bobJoins + 1, shows: belongs(annJoins)}
		bob := &member{club: k, name: "bob's device", size: bobJoins + 1, shows: belongs(bobJoins)}
		up := k.visitOfMembers(seed, [2]*member{ann, owner}) // with keys 0 and 1
		for up.step() {
		}
		if _, shared := up.shared[0][0]; !shared || ann.holds() != len(k.roster.Records) {
			t.Fatalf("shared %v, ann has %d records", shared, ann.holds())
		}
		down := k.visitOfMembers(seed, [2]*member{bob, ann}) // with keys 0 and 1: ann has the new one
		heard := down.run(10)
		k.mustEnd(down, told, [2]*member{bob, ann}, len(k.roster.Records))
		if heard[0].boxes || len(heard[0].data) > 0 {
			t.Errorf("bob heard of boxes: %v, of data: %v", heard[0].boxes, heard[0].data)
		}

		up.rekey(0, 0, identity.Secret{2, 1})
		up.run(10)
		if a, b := up.agreed[0][up.real], up.agreed[1][up.real]; !a || !b || up.ends[0].byID[up.real].reach != nil {
			t.Errorf("with one join key: agreed %v and %v", a, b)
		}
		if _, found, _ := ann.house.Log(k.data("owner's device").ID()); !found {
			t.Error("with one join key no data came")
		}
		for _, f := range append(up.failed[:], down.failed[:]...) {
			if f != nil {
				t.Errorf("%+v", *f)
			}
		}
	}
}

// A certificate of another topic, or of another connection, shows nothing, whoever
// seals it here.
func TestACertificateOfElsewhere(t *testing.T) {
	old := func(k *club) (*member, *member) {
		return &member{club: k, name: "ann's device", size: bobJoins + 1, shows: belongs(annJoins)},
			&member{club: k, name: "owner's device", size: bobGoes + 1, shows: belongs(1)}
	}
	k := newClub(t)
	ann, _ := old(k)
	other, _ := old(newClubOf(t, 1))
	other.house = newHouse(1)
	other.log(other.house, identity.RosterLog(other.genesis.ID(), other.genesis.Steward, 0, 0), "owner's device", other.roster.Records[:other.size])
	if _, err := other.Certificate(other.genesis.ID(), []byte("visit"), true); err != nil {
		t.Fatal(err)
	}
	ann.house = newHouse(1)
	k.log(ann.house, identity.RosterLog(k.genesis.ID(), k.genesis.Steward, 0, 0), "owner's device", k.roster.Records[:ann.size])
	shown := map[string][]byte{"of another topic": other.shown}
	for name, end := range map[string]struct {
		binding string
		dialer  bool
	}{"of another connection": {"another visit", true}, "of the other end": {"visit", false}} {
		if _, err := ann.Certificate(k.genesis.ID(), []byte(end.binding), end.dialer); err != nil {
			t.Fatal(err)
		}
		shown[name] = ann.shown
	}
	for name, body := range shown {
		ann, owner := old(k)
		ann.replays = body
		v := k.visitOfMembers(3, [2]*member{ann, owner})
		heard := v.run(3)
		if f := v.failed[1]; f == nil || f.Code != messages.CodeCertificate || heard[0].certificate || owner.refused != 1 {
			t.Errorf("a certificate %s: %+v, answered %v", name, f, heard[0].certificate)
		}
	}
	if _, err := roster.DecodeCertificate(other.shown); err != nil {
		t.Error(err)
	}
}

// removedVisit connects bob, who was removed and does not know it, with the owner, until
// both share the topic.
func removedVisit(t *testing.T, seed uint64, stays bool) (*visit, *club, *member) {
	k := newClub(t)
	owner := &member{club: k, name: "owner's device", size: bobGoes + 1, shows: belongs(1)}
	bob := &member{club: k, name: "bob's device", size: bobJoins + 1, shows: belongs(bobJoins), stays: stays}
	v := k.visitOfMembers(seed, [2]*member{bob, owner})
	for len(v.shared[0])+len(v.shared[1]) < 2 && v.step() {
	}
	return v, k, bob
}

// Whatever a removed device says or waits for, it gets the roster alone.
func TestARemovedDeviceGetsTheRosterAlone(t *testing.T) {
	v, k, _ := removedVisit(t, 1, true)
	number := v.shared[1][0]
	boxes, data := k.boxes(), k.data("owner's device")
	for _, n := range []identity.LogName{boxes, data} {
		own, _, _ := v.houses[1].Log(n.ID())
		none := own
		none.Size, none.Pages = 0, 0
		for what, in := range map[string]Input{
			"states less of it": Received{&messages.Diff{Topic: number, Rung: messages.RungFrontier, Part: true, Entries: []messages.LogState{stateOf(none)}}},
			"says it lacks it":  Received{&messages.Graft{Topic: number, Logs: []messages.LogHeld{{Log: n.ID()}}}},
			"tells of more":     Received{&messages.Have{Topic: number, Logs: []messages.LogSize{{Log: n.ID(), Size: 90}}}},
			"waits":             Advanced{Log: n.ID()},
			"pulled it":         Served{Topic: v.real, Log: n.ID()},
		} {
			for _, o := range v.ends[1].Step(in) {
				switch o := o.(type) {
				case Push:
					t.Errorf("a peer that %s gets %d events of a log of kind %s", what, o.To, n.Kind)
				case Send:
					if d, ok := o.Message.(*messages.Diff); ok {
						t.Errorf("a peer that %s is told %+v", what, d)
					}
				case Fail:
					t.Errorf("a peer that %s: %+v", what, o)
				}
			}
		}
	}
}

// A side leaves the topic once a removed device states the roster that says so, and offers
// it anew, for whoever has the newest join key.
func TestARemovedDeviceIsLeft(t *testing.T) {
	v, _, _ := removedVisit(t, 1, true)
	at, _ := v.houses[1].Position(v.real)
	var said []messages.Type
	for _, o := range v.ends[1].Step(Received{&messages.SyncDone{Topic: v.shared[1][0], Roster: at, Digest: noLogs.Sum}}) {
		if m, ok := o.(Send); ok {
			said = append(said, m.Message.Type())
		}
	}
	if !slices.Equal(said, []messages.Type{messages.TypeLeave, messages.TypeTopics}) {
		t.Errorf("says %v", said)
	}
}

// A digest of logs in a topic that certificates share breaks a rule.
func TestNoLogIsInADigestByCertificates(t *testing.T) {
	for _, m := range []messages.Message{&messages.Peaks{Logs: 1}, &messages.SyncDone{Logs: 1}} {
		v, _, _ := removedVisit(t, 1, true)
		switch m := m.(type) {
		case *messages.Peaks:
			m.Topic = v.shared[1][0]
		case *messages.SyncDone:
			m.Topic = v.shared[1][0]
		}
		mustFail(t, failOf(v.ends[1].Step(Received{m})), messages.CodeUnexpectedMessage)
	}
}

// A device that learns by the roster that it was removed leaves the topic, whether or not
// the peer does.
func TestARemovedDeviceLeaves(t *testing.T) {
	v, k, bob := removedVisit(t, 2, false)
	for bob.holds() < len(k.roster.Records) && v.step() {
	}
	for len(v.in[0]) > 0 {
		in := v.in[0][0]
		v.in[0] = v.in[0][1:]
		if m, ok := in.(Received); ok && m.Message.Type() == messages.TypeLeave {
			t.Fatal("the peer left first")
		}
		for _, o := range v.ends[0].Step(in) {
			v.do(0, o)
		}
	}
	if len(v.shared[0]) > 0 {
		t.Error("the topic is shared still")
	}
}

// A removed device that comes again in a session, and will not know better, is shown
// nothing again, whichever side dialed, until the roster goes on. With the newest join key
// it is as anybody.
func TestARemovedDeviceIsShownACertificateOnce(t *testing.T) {
	for seed := range uint64(10) {
		k := newClub(t)
		owner := &member{club: k, name: "owner's device", size: bobGoes + 1, shows: belongs(1)}
		bob := &member{club: k, name: "bob's device", size: bobJoins + 1, shows: belongs(bobJoins), stays: true}
		i, both := int(seed%2), [2]*member{bob, owner}
		if i == 1 {
			both = [2]*member{owner, bob}
		}
		v := k.visitOfMembers(seed, both)
		if heard := v.run(5); !heard[i].certificate {
			t.Error("it is shown none")
		}
		for range 3 {
			v.rekey(i, 0, identity.Secret{2, byte(i)})
			if heard := v.run(2); heard[i].certificate {
				t.Error("it is shown another one")
			}
		}
		v.rekey(i, 0, identity.Secret{2, byte(1 - i)})
		v.run(5)
		if len(v.shared[0]) != 1 || len(v.shared[1]) != 1 || !v.agreed[0][v.real] || !v.agreed[1][v.real] {
			t.Errorf("with the newest join key: shared %v, agreed %v", v.shared, v.agreed)
		}
		if v.failed[0] != nil || v.failed[1] != nil {
			t.Errorf("%+v, %+v", v.failed[0], v.failed[1])
		}
	}
}
