// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"flag"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var (
	seeds = flag.Int("roster.seeds", defaultSeeds, "how many random worlds the model runs")
	seed0 = flag.Uint64("roster.seed", 1, "the first of them")
)

const defaultSeeds = 60

// policies that worlds are made with.
var policies = []identity.Policy{
	identity.PolicyOpen | identity.PolicyErasable, 0, identity.PolicySealed, identity.PolicySealed | identity.PolicyHistory | identity.PolicyErasable, identity.PolicyErasable,
}

// A writer is whoever writes a leg: the steward, its clone, the thief.
type writer struct {
	s    *State
	w    *slow
	legs []HeldLeg // the chain, each as far as the next continues it
}

func (x *writer) clone() *writer {
	c := &writer{s: x.s.Clone(), legs: cloneLegs(x.legs)}
	w := *x.w
	w.facts = slices.Clip(w.facts)
	c.w = &w
	return c
}

func cloneLegs(legs []HeldLeg) []HeldLeg {
	c := slices.Clone(legs)
	for i := range c {
		c[i].Records = slices.Clip(c[i].Records)
	}
	return c
}

// A realm is writers and peers around one topic.
type realm struct {
	t       testing.TB
	rng     *rand.Rand
	m       *maker
	g       Genesis
	topic   digest.Hash
	writers []*writer
	peers   []*peer
	clock   int64
	counts  map[string][2]int // by type: records that counted, and void ones
	seen    census
	last    Record // that was appended
}

func newRealm(t testing.TB, seed uint64) *realm {
	rng := rand.New(rand.NewPCG(seed, 10))
	g := Genesis{
		Policy: policies[seed%uint64(len(policies))], Owner: pub(keyOf("owner")), Steward: pub(keyOf("owner's laptop")),
		LobbyHash: digest.Sum([]byte("lobby")),
	}
	g.Salt[0] = byte(seed)
	if g.Policy.Has(identity.PolicyOpen) {
		g.PageBytes, g.JoinHash = 4096, digest.Sum([]byte("join"))
	}
	if rng.IntN(2) == 0 {
		g.Need, g.Successors = 2, []([32]byte){pub(keyOf("heir 0")), pub(keyOf("heir 1")), pub(keyOf("heir 2"))}
		slices.SortFunc(g.Successors, func(a, b [32]byte) int { return order(string(a[:]) < string(b[:])) })
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	r := &realm{t: t, rng: rng, g: g, topic: g.ID(), m: newMaker(rng, g), counts: map[string][2]int{}, seen: census{}, clock: 1e12}
	r.found()
	for range 3 {
		r.peers = append(r.peers, &peer{held: map[digest.Hash]HeldLeg{}})
	}
	return r
}

func (r *realm) found() {
	s, err := New(r.topic, r.g.Append(nil))
	if err != nil {
		r.t.Fatal(err)
	}
	x := &writer{s: s, w: &slow{topic: r.topic, g: &r.g}}
	r.beginLeg(x, r.g.Steward, 0, 0, &Founding{r.g.Append(nil)})
	r.owner(x, "owner's laptop")
	r.writers = append(r.writers, x)
}

func (r *realm) owner(x *writer, device string) {
	a := ownerAdmit(r.g, device)
	r.m.kems[r.g.Owner] = a.Card.Card.AccountKEM
	r.write(x, a)
	x.w.letIn(a)
	same(r.t, "owner", dumpFast(x.s), dumpSlow(x.w))
}

// beginLeg writes record 0 of a leg in both folds.
func (r *realm) beginLeg(x *writer, author Key, term, leg uint32, rec Record) {
	id := LegID{LegLog(r.topic, author, term, leg), author, term, leg}
	if err := x.s.BeginLeg(id.Log, author, term, leg); err != nil {
		r.t.Fatal(err)
	}
	x.legs = append(x.legs, HeldLeg{LegID: id})
	x.w.steward, x.w.boxLog = author, BoxLog(r.topic, author, term, leg)
	x.w.pos = Position{term, leg, 0}
	if b, ok := rec.(*Begin); ok {
		x.w.add(heirIs{})
		if b.Term != nil {
			x.w.add(due{})
		}
	}
	r.write(x, rec)
}

// write appends a record to the fast fold only.
func (r *realm) write(x *writer, rec Record) Effect {
	r.clock++
	raw := Raw{rec.Type(), r.clock, mustEncode(rec)}
	l := &x.legs[len(x.legs)-1]
	judged, foretold := x.s.next == nil && x.s.Founded(), Void("")
	if judged {
		foretold = x.s.Judge(rec)
	}
	e, err := x.s.Apply(uint64(len(l.Records)), raw.Type, raw.Time, raw.Body)
	if err != nil {
		r.t.Fatalf("%s: %v", raw.Type, err)
	}
	if judged && e.Void != foretold {
		r.t.Fatalf("%s: %q, was to be %q", raw.Type, e.Void, foretold)
	}
	l.Records = append(l.Records, raw)
	x.w.pos.Size, x.w.ms = uint64(len(l.Records)), r.clock
	if e.At != x.w.pos {
		r.t.Fatalf("at %v, want %v", e.At, x.w.pos)
	}
	return e
}

// step appends one random record in both folds and compares them.
func (r *realm) step(x *writer) {
	if x.s.Closed() != nil {
		return // until somebody takes over
	}
	if x.s.phase == phaseHandedOver {
		at := x.s.Position()
		r.beginLeg(x, x.s.Heir(), at.Term, at.Leg+1, &Begin{Before: x.s.Prefix()})
		return
	}
	if r.rng.IntN(40) == 0 {
		r.copies(x)
		return
	}
	r.append(x, r.m.record(x.s))
}

// copies makes a line of copies, each of the one before, and removes one of them.
func (r *realm) copies(x *writer) {
	a, ok := pick(r.m, x.s.Accounts())
	parent, there := pick(r.m, x.s.Devices(a.Key))
	if !ok || !there {
		return
	}
	var line []Key
	for range 4 {
		c := DeviceCard{Account: a.Key, Device: r.m.fresh("device"), PageBytes: 4096, KEM: r.m.newKEM(), Parent: parent.Key}
		d := &AddDevice{Device: SignDevice(r.topic, c, r.m.names[a.Key], r.m.names[c.Device]), Boxes: r.m.boxes(x.s, x.s.deviceBoxes(&c))}
		r.append(x, d)
		line, parent.Key = append(line, c.Device), c.Device
	}
	at := line[r.rng.IntN(len(line))]
	r.append(x, &Remove{Ask: AskRef{x.s.devices.at(line[3]).Log, 0}, Target: Target{a.Key, at}})
}

func (r *realm) append(x *writer, rec Record) Effect {
	before := dumpFast(x.s.Clone())
	e := r.write(x, rec)
	back, err := Decode(rec.Type(), mustEncode(rec))
	if err != nil || !reflect.DeepEqual(back, e.Record) {
		r.t.Fatalf("%s: decodes as %+v, %v", rec.Type(), back, err)
	}
	if counts := x.w.judge(rec); counts != (e.Void == "") {
		r.t.Fatalf("%v %s: the slow fold says %v, the fast one %q\n%+v", e.At, rec.Type(), counts, e.Void, rec)
	}
	after := dumpFast(x.s)
	same(r.t, rec.Type(), after, dumpSlow(x.w))
	n := r.counts[rec.Type()]
	if e.Void == "" {
		n[0]++
	} else {
		n[1]++
		same(r.t, "void "+rec.Type(), before, after)
	}
	r.counts[rec.Type()] = n
	r.look(rec, e, before, after)
	r.checkMatches(rec)
	r.checkAlways(x, rec, e, before, after)
	return e
}

// checkAlways checks what holds whatever the record was.
func (r *realm) checkAlways(x *writer, rec Record, e Effect, before, after dump) {
	if o := after.Accounts[r.g.Owner]; o.Role != Owner {
		r.t.Fatalf("%s: the owner is %v", rec.Type(), o.Role)
	}
	steward := x.s.Steward().Author
	if before.Devices[steward].Belongs && !after.Devices[steward].Belongs {
		r.t.Fatalf("%s: the steward's device does not belong any more", rec.Type())
	}
	for id, l := range after.Logs {
		was := before.Logs[id]
		if !l.Forked && (len(l.Cuts) > 1 || len(was.Cuts) == 1 && l.Cuts[0] != was.Cuts[0]) {
			r.t.Fatalf("%s: cuts of log %s are %+v, were %+v", rec.Type(), id, l.Cuts, was.Cuts)
		}
	}
	if rm, ok := rec.(*Remove); ok && e.Void == "" {
		for k, v := range after.Invites {
			if v.Open && !slices.Contains(rm.Keep, k) {
				r.t.Fatalf("invite %s is open after a removal that does not keep it", k.Short())
			}
		}
		if !after.Due && x.s.hasKEM() {
			r.t.Fatal("no epoch is due after a removal")
		}
	}
	if a, ok := AskOf(rec); ok && e.Void == "" && !a.None() && after.Settled[a.Log.String()] != a.Seq+1 {
		r.t.Fatalf("%s: its ask is not settled", rec.Type())
	}
	if x.s.hasKEM() && x.s.readers != len(x.s.Recipients()) {
		r.t.Fatalf("%s: %d recipients, counted %d", rec.Type(), len(x.s.Recipients()), x.s.readers)
	}
}

// TestOneSteward runs both folds over one leg after another.
func TestOneSteward(t *testing.T) {
	total, seen := map[string][2]int{}, census{}
	for seed := *seed0; seed < *seed0+uint64(*seeds); seed++ {
		r := newRealm(t, seed)
		for range 80 {
			r.step(r.writers[0])
		}
		seen.add(r.seen)
		for k, n := range r.counts {
			total[k] = [2]int{total[k][0] + n[0], total[k][1] + n[1]}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for k, n := range total {
		t.Logf("%-12s %5d count, %5d void", k, n[0], n[1])
		if n[0] == 0 && k != "xf/genesis" && *seeds >= defaultSeeds {
			t.Errorf("no %s ever counted", k)
		}
	}
	seen.check(t)
}

// heir returns the key of the successor with an index in genesis.
func (r *realm) heir(i int) ed25519.PrivateKey {
	for _, name := range []string{"heir 0", "heir 1", "heir 2"} {
		if k := keyOf(name); pub(k) == Key(r.g.Successors[i]) {
			return k
		}
	}
	panic("no such successor")
}
