// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

var (
	seeds = flag.Int("steward.seeds", 8, "random histories to run")
	seed0 = flag.Uint64("steward.seed", 1, "the first of them")
)

// What the model asks of the test: the topic that is run, and what is held of a log.
var (
	topicOfModel digest.Hash
	heldOfModel  func(digest.Hash) int
)

// A history is a town in which members ask at random.
type history struct {
	*town
	m       *model
	r       *rand.Rand
	wishes  map[digest.Hash][]*wish // by log, as they were made
	carried map[roster.AskRef]bool
	count   int // of names
	seen    map[string]int
}

func newHistory(t *testing.T, seed uint64) *history {
	x := found(t, sealedGenesis())
	h := &history{
		town: x, m: newModel(x.devices["desk"]), r: rand.New(rand.NewPCG(seed, 0)), wishes: map[digest.Hash][]*wish{},
		carried: map[roster.AskRef]bool{}, seen: map[string]int{},
	}
	topicOfModel = x.topic
	heldOfModel = func(log digest.Hash) int { n, _, _ := x.Held(log); return int(n) }
	return h
}

// TestHistories lets members ask, in any order, with a Desk that is stopped between any
// two steps. Every record counts (town.append), answers an ask once, and makes belong
// who belongs by the model.
func TestHistories(t *testing.T) {
	seen := map[string]int{}
	for seed := *seed0; seed < *seed0+uint64(*seeds); seed++ {
		h := newHistory(t, seed)
		for range 60 {
			h.now = h.now.Add(time.Second)
			for range 1 + h.r.IntN(4) {
				h.wish()
			}
			h.step()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		for k, n := range h.seen {
			seen[k] += n
		}
	}
	for _, what := range []string{"join", "device", "move", "leave", "admit", "role", "remove", "remove device", "invite", "link", "uninvite"} {
		if seen[what+" carried"] == 0 || seen[what+" refused"] == 0 {
			t.Errorf("%s: %d carried out, %d refused", what, seen[what+" carried"], seen[what+" refused"])
		}
	}
	for _, what := range []string{"crash", "lost batch", "more", "unheard"} {
		if seen[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
	t.Log(seen)
}

// step asks the Desk some of what is asked, and holds what it did against the model.
func (h *history) step() {
	all := h.some()
	asks := make([]Ask, len(all))
	for i, w := range all {
		asks[i] = w.Ask
	}
	b, err := h.desk.Answer(asks, h.now)
	if err == nil && h.r.IntN(4) == 0 { // the batch is lost: all, or its records alone
		if h.seen["lost batch"]++; h.r.IntN(2) == 0 {
			h.keep(b)
		}
		h.restart()
		b, err = h.desk.Answer(asks, h.now)
	}
	h.write(b, err)
	h.judge(b, all)
	if h.r.IntN(4) == 0 {
		h.seen["crash"]++
		h.restart()
	}
}

// some returns beginnings of what is asked in some logs, in an order of its own; at
// times with what is settled.
func (h *history) some() []*wish {
	var ids []digest.Hash
	for id := range h.wishes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, digest.Hash.Compare)
	var turns [][]*wish
	for _, id := range ids {
		of := h.wishes[id]
		from, to := int(h.s.Settled(id)), len(of)
		if h.r.IntN(8) == 0 {
			from = 0
		}
		if from < to && h.r.IntN(3) > 0 {
			turns = append(turns, of[from:from+1+h.r.IntN(to-from)])
		}
	}
	var all []*wish
	for len(turns) > 0 {
		i := h.r.IntN(len(turns))
		all = append(all, turns[i][0])
		if turns[i] = turns[i][1:]; len(turns[i]) == 0 {
			turns = slices.Delete(turns, i, i+1)
		}
	}
	return all
}

// judge holds the outcomes of a batch against the model.
func (h *history) judge(b Batch, all []*wish) {
	h.t.Helper()
	byRef := map[roster.AskRef]*wish{}
	for _, w := range all {
		byRef[w.AskRef] = w
	}
	for _, o := range b.Outcomes {
		w := byRef[o.Ask]
		if h.carried[o.Ask] {
			h.t.Fatalf("%s is answered again: %v", w.what, o)
		}
		may := h.m.carry(w)
		if may != (o.Fate == Carried) {
			h.t.Fatalf("%s of %s %s by %s: %v, %q; the model says %v", w.what, w.who, w.device, w.by, o.Fate, o.Why, may)
		}
		if h.carried[o.Ask] = o.Fate == Carried; o.Fate == Carried {
			h.seen[w.what+" carried"]++
		} else {
			h.seen[w.what+" refused"]++
		}
		if o.Fate == Unheard {
			h.seen["unheard"]++
		} else if h.s.Settled(o.Ask.Log) <= o.Ask.Seq {
			h.t.Fatalf("%s of %s is not settled", w.what, w.by)
		}
		delete(byRef, o.Ask)
	}
	for ref, w := range byRef {
		if h.s.Settled(ref.Log) <= ref.Seq && !b.More {
			h.t.Fatalf("%s of %s was lost", w.what, w.by)
		}
	}
	if b.More {
		h.seen["more"]++
	}
	h.compare()
}

// compare holds who belongs against the model.
func (h *history) compare() {
	h.t.Helper()
	accounts, devices := 0, 0
	for name, p := range h.m.accounts {
		if a, _ := h.s.Account(pub(name)); a.Role != p.role {
			h.t.Fatalf("%s has role %v, want %v", name, a.Role, p.role)
		}
		if p.role != roster.None {
			accounts++
		}
	}
	for name, d := range h.m.devices {
		if x, _ := h.s.Device(pub(name)); x.Belongs != d.belongs || d.belongs && x.Account != pub(d.account) {
			h.t.Fatalf("device %s of %s belongs: %v, want %v", name, d.account, x.Belongs, d.belongs)
		}
		if d.belongs {
			devices++
		}
	}
	for name, v := range h.m.invites {
		if x, _ := h.s.Invite(pub(name)); x.Open != v.open {
			h.t.Fatalf("invite %s of %s is open: %v, want %v", name, v.by, x.Open, v.open)
		}
	}
	all := 0
	for _, a := range h.s.Accounts() {
		all += len(h.s.Devices(a.Key))
	}
	if len(h.s.Accounts()) != accounts || all != devices {
		h.t.Fatalf("%d accounts and %d devices, want %d and %d", len(h.s.Accounts()), all, accounts, devices)
	}
}

// pick returns one of the keys of m that ok holds for, or "".
func pick[V any](h *history, m map[string]V, ok func(string, V) bool) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if ok(k, m[k]) {
			all = append(all, k)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[h.r.IntN(len(all))]
}

func (h *history) fresh(what string) string {
	h.count++
	return fmt.Sprint(what, h.count)
}

// wish lets somebody ask for something, which it may or may not.
func (h *history) wish() {
	w := &wish{ends: -1, made: h.m.n, role: roster.Role(2 + h.r.IntN(4)), uses: 1 + h.r.IntN(2)}
	anybody := func(string, *person) bool { return true }
	w.by = pick(h, h.m.devices, func(_ string, d *store) bool { return d.belongs || h.r.IntN(6) == 0 })
	if h.r.IntN(3) == 0 {
		w.by = pick(h, h.m.devices, func(_ string, d *store) bool { return h.m.role(d.account) <= roster.Admin && d.belongs })
	}
	mine := h.m.devices[w.by].account
	who := pick(h, h.m.accounts, anybody)
	switch h.r.IntN(14) {
	case 0, 1, 2:
		h.join(w)
	case 3:
		w.what, w.who, w.device = "admit", h.newcomer(), h.fresh("device")
		h.request(w, h.admission(w.role, w.who, w.device))
	case 4, 5:
		h.link(w, pick(h, h.m.accounts, anybody))
	case 6:
		h.move(w)
	case 7:
		if w.what = "leave"; h.r.IntN(3) == 0 {
			h.put(w, &roster.Leave{})
		}
	case 8:
		w.what, w.who = "role", who
		h.request(w, role(w.who, w.role))
	case 9:
		if w.what, w.who = "remove", who; h.r.IntN(2) == 0 {
			h.request(w, account(who))
		}
	case 10:
		w.what, w.device = "remove device", pick(h, h.m.devices, func(n string, d *store) bool { return d.account == mine || h.r.IntN(3) == 0 })
		w.who = h.m.devices[w.device].account
		h.request(w, oneDevice(w.who, w.device))
	case 11:
		w.what, w.who = "invite", h.fresh("invite")
		h.request(w, h.town.invite(w.who, w.role, uint16(w.uses)))
	case 12:
		w.what, w.who, w.signer, w.uses, w.role = "link", h.fresh("link"), who, 1, roster.Device
		if h.r.IntN(3) > 0 {
			w.signer = mine
		}
		h.request(w, h.linkInvite(w.who, w.signer, w.signer))
	case 13:
		w.what, w.who = "uninvite", pick(h, h.m.invites, func(_ string, v *ticket) bool { return v.open || h.r.IntN(4) == 0 })
		if w.who != "" && h.r.IntN(3) == 0 {
			h.request(w, key(w.who))
		}
	}
}

// newcomer returns an account that does not belong, mostly.
func (h *history) newcomer() string {
	if h.r.IntN(3) == 0 {
		if who := pick(h, h.m.accounts, func(_ string, p *person) bool { return p.role == roster.None || h.r.IntN(6) == 0 }); who != "" {
			return who
		}
	}
	return h.fresh("account")
}

func (h *history) join(w *wish) {
	w.what, w.who, w.device = "join", h.newcomer(), h.fresh("device")
	w.by, w.signer = w.device, pick(h, h.m.invites, func(_ string, v *ticket) bool { return v.link == "" && (v.open || h.r.IntN(6) == 0) })
	if w.signer != "" {
		w.Ask = h.town.join(w.who, w.device, w.signer)
		h.note(w)
	}
}

// link lets a device be added to an account, by somebody who may or may not.
func (h *history) link(w *wish, who string) {
	w.what, w.who, w.device = "device", who, h.fresh("device")
	w.by, w.signer = w.device, who
	switch h.r.IntN(4) {
	case 0:
		if s := pick(h, h.m.devices, func(_ string, d *store) bool { return d.account == who || h.r.IntN(6) == 0 }); s != "" {
			w.signer = s
		}
	case 1, 2:
		if s := pick(h, h.m.invites, func(_ string, v *ticket) bool { return v.link == who && v.open || v.link != "" && h.r.IntN(8) == 0 }); s != "" {
			w.signer = s
		}
	}
	c := h.deviceCard(w.who, w.device)
	if h.r.IntN(3) == 0 {
		w.parent = pick(h, h.m.devices, func(_ string, d *store) bool { return d.account == who || h.r.IntN(8) == 0 })
	}
	if w.parent != "" {
		c.Parent = pub(w.parent)
	}
	h.put(w, &roster.DeviceAsk{Device: roster.SignDevice(h.topic, c, keyOf(w.signer), keyOf(w.device))})
}

// move lets a device go on in another log.
func (h *history) move(w *wish) {
	w.what, w.device = "move", w.by
	d := h.devices[w.by]
	w.who, w.signer = d.account, w.by
	has := h.m.devices[w.by].log
	cut := h.m.logs[has].cut >= 0
	h.turn(d, d.number+1)
	w.number = d.number
	c := h.deviceCard(d.account, d.name)
	if !cut {
		size, root, _ := h.Held(has)
		c.Ends, w.ends = &roster.End{Size: size, Root: root}, int(size)
	}
	h.put(w, &roster.DeviceAsk{Device: roster.SignDevice(h.topic, c, keyOf(w.signer), keyOf(w.device))})
}

// request puts a request, at the position of now, into the log of a device.
func (h *history) request(w *wish, content any) {
	q, err := roster.NewRequest(h.s, content)
	if err != nil {
		h.t.Fatal(err)
	}
	h.put(w, q)
}

// put puts an ask into a device's log.
func (h *history) put(w *wish, a roster.Ask) {
	w.Ask = h.ask(h.devices[w.by], a)
	h.note(w)
}

func (h *history) note(w *wish) { h.wishes[w.Log] = append(h.wishes[w.Log], w) }
