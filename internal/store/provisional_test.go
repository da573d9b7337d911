// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

func testKey(n int) ed25519.PrivateKey {
	seed := digest.Sum([]byte{byte(n), byte(n >> 8), 77})
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) roster.Key { return identity.PublicKey(k) }

func testKEM(n int) []byte {
	b := make([]byte, roster.KEMBytes)
	b[0], b[1] = byte(n), byte(n>>8)
	return b
}

// A circle is a topic of members, of which a store is the steward.
type circle struct {
	*writer
	topic  *Topic
	device ed25519.PrivateKey
	invite ed25519.PrivateKey
}

// newCircle founds a topic with an invite for 20 writers.
func newCircle(t testing.TB, policy identity.Policy) *circle {
	t.Helper()
	s, _ := emptyStore(t)
	t.Cleanup(func() { s.Close() })
	secret, err := identity.NewAccountSecret(nil)
	must(t, err)
	keys, err := identity.NewTopicKeys(nil)
	must(t, err)
	g := &identity.Genesis{Policy: policy, Owner: identity.PublicKey(secret.Key()), LobbyHash: identity.LobbyHash(keys.Lobby)}
	device := s.device.Seed.Found(s.device.Generation, g)
	card := roster.Card{Account: g.Owner, Device: g.Steward, PageBytes: 4096, KEM: testKEM(1000), AccountKEM: testKEM(1001)}
	first, err := roster.FirstRecords(g.ID(), g.Append(nil), card, secret.Key(), device)
	must(t, err)
	first[0].Time, first[1].Time = 1, 1
	j := newJoin(&Topic{ID: g.ID(), Genesis: g, Keys: keys, Account: secret}, device, 4096)
	must(t, j.begin(j.Topic.Roster(), first[:]))
	must(t, s.Do(j))
	c := &circle{newWriter(t, s), j.Topic, device, testKey(900)}
	c.records(c.topic.Roster(), &roster.MakeInvite{Invite: roster.Invite{Key: public(c.invite), Role: roster.Writer, Uses: 20, KEM: testKEM(1002)}})
	return c
}

// log returns a log that begins with an ask.
func (c *circle) log(device ed25519.PrivateKey, number uint64, ask roster.Ask, n int) *parted {
	body, err := roster.EncodeAsk(nil, ask)
	must(c.t, err)
	return c.logOf(device, number, event.Event{Type: ask.Type(), Payload: body}, n, 10)
}

func (c *circle) logOf(device ed25519.PrivateKey, number uint64, first event.Event, n, bytes int) *parted {
	name := identity.LogName{Topic: c.topic.ID, Author: public(device), PageBytes: 4096, Number: number}
	p := &parted{memlog.Log{ID: name.ID(), Key: device}, syncer.LogOf(name.ID(), name, nil)}
	for i := range n {
		e := first
		if i > 0 {
			e = event.Event{Payload: make([]byte, bytes)}
		}
		rec, err := event.AppendRecord(nil, e, 1, 0)
		must(c.t, err)
		must(c.t, p.Add(rec))
	}
	p.SignAll()
	return p
}

// join returns what the n-th newcomer asks for, and its device's key.
func (c *circle) join(n int, invite ed25519.PrivateKey) (*roster.Join, ed25519.PrivateKey) {
	account, device := testKey(2*n), testKey(2*n+1)
	card := roster.Card{Account: public(account), Device: public(device), PageBytes: 4096, KEM: testKEM(2 * n), AccountKEM: testKEM(2*n + 1)}
	return &roster.Join{By: roster.ProveInvite(c.topic.ID, card, invite), Card: roster.SignCard(c.topic.ID, card, account, device)}, device
}

func (c *circle) newcomer(n, events int) (*parted, *roster.Join) {
	ask, device := c.join(n, c.invite)
	return c.log(device, 0, ask, events), ask
}

// link returns what the n-th device of the owner asks for, signed by a key.
func (c *circle) link(n int, signer ed25519.PrivateKey) (*roster.DeviceAsk, ed25519.PrivateKey) {
	device := testKey(500 + n)
	card := roster.DeviceCard{Account: c.topic.Genesis.Owner, Device: public(device), PageBytes: 4096, KEM: testKEM(500 + n)}
	return &roster.DeviceAsk{Device: roster.SignDevice(c.topic.ID, card, signer, device)}, device
}

// take commits appends at once and returns what each was refused for.
func (c *circle) take(all ...*messages.Append) (refused []error) {
	c.t.Helper()
	done, err := c.c.Commit(&Work{Appends: all})
	must(c.t, err)
	for i, a := range done.Appends {
		if refused = append(refused, a.Refused); a.Refused == nil {
			to, err := c.s.stored(all[i].Log)
			must(c.t, err)
			_, err = c.s.Publish(to)
			must(c.t, err)
		}
	}
	return refused
}

// stands checks which logs are provisional, and that the digest is of some others.
func (c *circle) stands(provisional []*parted, counted ...*parted) {
	c.t.Helper()
	var sum digest.Multiset
	var want, listed, outside []digest.Hash
	for _, p := range counted {
		sum.Add(p.info.Log, uint64(len(p.Leaves)), p.Head.Root)
		want = append(want, p.info.Log)
	}
	if set, err := c.s.Summary(c.topic.ID); err != nil || set != sum.Set() {
		c.t.Errorf("the digest is %+v, want %+v (%v)", set, sum.Set(), err)
	}
	must(c.t, c.s.Source().Logs(c.topic.ID, func(i syncer.LogInfo) bool { listed = append(listed, i.Log); return true }))
	slices.SortFunc(want, compareHashes)
	if !slices.Equal(listed, want) {
		c.t.Errorf("%d logs are listed, want %d", len(listed), len(want))
	}
	must(c.t, c.s.Source().Provisional(c.topic.ID, func(i syncer.LogInfo) bool { outside = append(outside, i.Log); return true }))
	want = want[:0]
	for _, p := range provisional {
		want = append(want, p.info.Log)
	}
	slices.SortFunc(want, compareHashes)
	if !slices.Equal(outside, want) {
		c.t.Errorf("%d logs are provisional, want %d", len(outside), len(want))
	}
	for _, p := range slices.Concat(provisional, counted) {
		l, err := c.s.Log(p.info.Log)
		must(c.t, err)
		read := 0
		must(c.t, c.s.Read(l, 0, uint64(len(p.Leaves)), func(r Run) error {
			return r.Each(func(uint64, *event.Record) error { read++; return nil })
		}))
		if is := slices.Contains(provisional, p); l.Provisional() != is || read != len(p.Leaves) {
			c.t.Errorf("provisional is %v, want %v; %d events are read, want %d", l.Provisional(), is, read, len(p.Leaves))
		}
	}
}

// TestARecord0IsProvisional: a log that the roster does not admit is stored only if its
// record 0 asks for what the roster can grant, and of the others nothing is left.
func TestARecord0IsProvisional(t *testing.T) {
	for _, policy := range []identity.Policy{0, identity.PolicySealed | identity.PolicyHistory} {
		c := newCircle(t, policy)
		good, device := c.join(1, c.invite)
		strange, strangeDevice := c.join(2, testKey(901))
		byOwner, linked := c.link(1, c.topic.Account.Key())
		byDevice, second := c.link(2, c.device)
		byNobody, third := c.link(3, testKey(902))
		flawed, flawedDevice := c.join(3, c.invite)
		flawed.Card.AccountSig[0] ^= 1
		for name, x := range map[string]struct {
			log    *parted
			stored bool
		}{
			"by an invite":              {c.log(device, 0, good, 3), true},
			"by no invite":              {c.log(strangeDevice, 0, strange, 3), false},
			"by another's card":         {c.log(testKey(903), 0, good, 3), false},
			"in a log of another":       {c.log(device, 1, good, 3), false},
			"with a false signature":    {c.log(flawedDevice, 0, flawed, 3), false},
			"a device of the account":   {c.log(linked, 0, byOwner, 3), true},
			"a device by another":       {c.log(second, 0, byDevice, 3), true},
			"a device by nobody":        {c.log(third, 0, byNobody, 3), false},
			"an ask for something else": {c.log(testKey(904), 0, &roster.Leave{}, 3), false},
			"no ask":                    {c.logOf(testKey(905), 0, event.Event{Payload: []byte("event")}, 3, 10), false},
		} {
			if counts, err := c.s.Source().Counts(x.log.info.Name()); err != nil || counts {
				t.Errorf("%s: counts is %v, %v", name, counts, err)
			}
			err := c.take(x.log.append(3))[0]
			if (err == nil) != x.stored || !x.stored && (!errors.Is(err, syncer.ErrUnadmitted) || !errors.Is(err, syncer.ErrUnwanted)) {
				t.Errorf("%s: %v, want it stored: %v", name, err, x.stored)
			}
			if l, err := c.s.knownLog(x.log.info.Log); err != nil || (l != nil) != x.stored || l != nil && !l.Provisional() {
				t.Errorf("%s: it is here: %v, want %v (%v)", name, l != nil, x.stored, err)
			}
		}
		if err := c.take(&messages.Append{Log: c.log(device, 7, good, 1).info.Log, Create: &messages.NewLog{LogName: c.log(device, 7, good, 1).info.Name()}})[0]; !errors.Is(err, syncer.ErrUnadmitted) {
			t.Errorf("a log of which nothing is there yet: %v", err)
		}
	}
}

// TestProvisionalBounds: an invite brings 16 logs, an account 4, and each of them ends
// at its bytes, however they come, also after the store was opened again.
func TestProvisionalBounds(t *testing.T) {
	c := newCircle(t, 0)
	var held []*parted
	count := func(refused []error) (taken int) {
		for _, err := range refused {
			if err == nil {
				taken++
			} else if !errors.Is(err, syncer.ErrUnadmitted) {
				t.Error(err)
			}
		}
		return taken
	}
	var at []*messages.Append
	for n := range 10 {
		p, _ := c.newcomer(n, 3)
		held, at = append(held, p), append(at, p.append(2), p.append(3))
	}
	if n := count(c.take(at...)); n != 20 {
		t.Errorf("%d appends of 10 newcomers are taken", n)
	}
	c.s = again(t, c.s)
	c.c = c.s.NewCommitter()
	at = nil
	for n := range 10 {
		p, _ := c.newcomer(10+n, 3)
		if at = append(at, p.append(3)); n < 6 {
			held = append(held, p)
		}
	}
	if n := count(c.take(at...)); n != 6 {
		t.Errorf("%d of 10 more are taken", n)
	}
	for n := range 6 {
		ask, device := c.link(n, c.topic.Account.Key())
		p := c.log(device, 0, ask, 3)
		if taken := count(c.take(p.append(3))); taken == 1 {
			held = append(held, p)
		}
	}
	if len(held) != 20 {
		t.Errorf("%d logs are held", len(held))
	}
	c.stands(held)
}

func TestProvisionalBytes(t *testing.T) {
	c := newCircle(t, 0)
	ask, device := c.join(1, c.invite)
	body, err := roster.EncodeAsk(nil, ask)
	must(t, err)
	p := c.logOf(device, 0, event.Event{Type: ask.Type(), Payload: body}, 9, perLog/8)
	for to := uint64(2); to <= 8; to += 2 {
		if refused := c.take(p.append(to), p.append(to)); refused[0] != nil || refused[1] != nil {
			t.Fatalf("%d events: %v", to, refused)
		}
	}
	if err := c.take(p.append(9))[0]; !errors.Is(err, syncer.ErrUnadmitted) {
		t.Errorf("events beyond the bound: %v", err)
	}
	c.records(c.topic.Roster(), &roster.Admit{Ask: roster.AskRef{Log: p.info.Log}, Role: roster.Writer, By: &ask.By, Card: ask.Card})
	if err := c.take(p.append(9))[0]; err != nil {
		t.Errorf("of a log that is admitted: %v", err)
	}
	c.stands(nil, p)
}

// TestAdmissionMovesALog: a provisional log is in the digest from when the roster admits
// it to when a term record leaves that out, whether it is in memory or not.
func TestAdmissionMovesALog(t *testing.T) {
	c := newCircle(t, identity.PolicySealed|identity.PolicyHistory)
	p, ask := c.newcomer(1, 3)
	other, _ := c.newcomer(2, 4)
	before, err := c.s.Source().Position(c.topic.ID)
	must(t, err)
	if refused := c.take(p.append(2), other.append(4)); refused[0] != nil || refused[1] != nil {
		t.Fatal(refused)
	}
	must(t, c.take(p.append(3))[0])
	reopened := func(provisional []*parted, counted ...*parted) {
		t.Helper()
		c.stands(provisional, counted...)
		c.s.catalog.forget()
		c.stands(provisional, counted...)
		c.s = again(t, c.s)
		c.c = c.s.NewCommitter()
		c.stands(provisional, counted...)
	}
	reopened([]*parted{p, other})
	since, err := c.s.Summary(c.topic.ID)
	must(t, err)
	c.records(c.topic.Roster(), &roster.Admit{Ask: roster.AskRef{Log: p.info.Log}, Role: roster.Writer, By: &ask.By, Card: ask.Card})
	if all, known, err := c.s.Changes(c.topic.ID, since); err != nil || !known || !slices.Equal(all, []syncer.Change{{Log: p.info.Log}}) {
		t.Errorf("what changed is %+v, %v, %v", all, known, err)
	}
	reopened([]*parted{other}, p)

	author := c.s.device.AuthorID(c.topic.Genesis)
	term := &roster.Term{Last: roster.Prefix{Log: c.topic.Roster().ID(), Size: before.Size, Root: before.Root}, Term: 1, Steward: author, By: roster.ByOwner}
	term.Sign(c.topic.ID, 0, c.topic.Account.Key())
	next := identity.RosterLog(c.topic.ID, author, 1, 0)
	c.records(next, &roster.Begin{Term: term})
	reopened([]*parted{p, other})
	c.records(next, &roster.Admit{Ask: roster.AskRef{Log: p.info.Log}, Role: roster.Writer, By: &ask.By, Card: ask.Card})
	reopened([]*parted{other}, p)
}

// TestAForkedProvisionalLog: a fork of a provisional log changes no digest before the
// log is admitted, and counts as any fork from then on.
func TestAForkedProvisionalLog(t *testing.T) {
	c := newCircle(t, 0)
	p, ask := c.newcomer(1, 3)
	must(t, c.take(p.append(3))[0])
	c.stands([]*parted{p})
	l, err := c.s.Log(p.info.Log)
	must(t, err)
	freeze(c.s, l)
	if set, err := c.s.Summary(c.topic.ID); err != nil || set.Count != 0 {
		t.Errorf("the digest is of %d logs, %v", set.Count, err)
	}
	c.records(c.topic.Roster(), &roster.Admit{Ask: roster.AskRef{Log: p.info.Log}, Role: roster.Writer, By: &ask.By, Card: ask.Card})
	var sum digest.Multiset
	sum.Add(p.info.Log, 0, digest.Empty)
	if set, err := c.s.Summary(c.topic.ID); err != nil || set != sum.Set() {
		t.Errorf("the digest is %+v, want %+v (%v)", set, sum.Set(), err)
	}
}

// TestOurOwnLogIsProvisional: what a store appends before it is admitted is read here, and
// in no digest; it takes no part in the bounds of others.
func TestOurOwnLogIsProvisional(t *testing.T) {
	c := newCircle(t, 0)
	number := uint64(1) // one that follows that of the founding
	name := identity.LogName{Topic: c.topic.ID, Author: public(c.device), PageBytes: 4096, Number: number}
	rec, err := event.AppendRecord(nil, event.Event{Payload: []byte("before it is admitted")}, time.Now().UnixMilli(), 0)
	must(t, err)
	r, _, err := event.DecodeRecord(rec)
	must(t, err)
	c.write(&messages.Append{Log: name.ID(), Create: &messages.NewLog{LogName: name, Own: true}, Records: rec, Leaves: []digest.Hash{r.LeafHash()}})
	own := &parted{memlog.Log{ID: name.ID(), Leaves: []digest.Hash{r.LeafHash()}}, syncer.LogOf(name.ID(), name, nil)}
	c.stands([]*parted{own})
	p, _ := c.newcomer(1, 3)
	must(t, c.take(p.append(3))[0])
	c.stands([]*parted{own, p})
}

// TestAnEmptyLogIsJudged: a log that was created while it was admitted, and is not any
// more, begins with an ask or not at all.
func TestAnEmptyLogIsJudged(t *testing.T) {
	c := newCircle(t, 0)
	before, err := c.s.Source().Position(c.topic.ID)
	must(t, err)
	account, device := testKey(1), testKey(2)
	card := roster.Card{Account: public(account), Device: public(device), PageBytes: 4096, KEM: testKEM(1), AccountKEM: testKEM(2)}
	c.records(c.topic.Roster(), &roster.Admit{Role: roster.Writer, Card: roster.SignCard(c.topic.ID, card, account, device)})
	p := c.logOf(device, 0, event.Event{Payload: []byte("no ask")}, 2, 10)
	must(t, c.take(&messages.Append{Log: p.info.Log, Create: &messages.NewLog{LogName: p.info.Name()}})[0])

	author := c.s.device.AuthorID(c.topic.Genesis)
	term := &roster.Term{Last: roster.Prefix{Log: c.topic.Roster().ID(), Size: before.Size, Root: before.Root}, Term: 1, Steward: author, By: roster.ByOwner}
	term.Sign(c.topic.ID, 0, c.topic.Account.Key())
	c.records(identity.RosterLog(c.topic.ID, author, 1, 0), &roster.Begin{Term: term})
	if err := c.take(p.append(2))[0]; !errors.Is(err, syncer.ErrUnadmitted) {
		t.Errorf("it begins with no ask: %v", err)
	}
	c.stands(nil)
}
