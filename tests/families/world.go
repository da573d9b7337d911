// SPDX-License-Identifier: MPL-2.0

// Package families plays families: stores of a private topic whose people come, write,
// ask, go away, are copied, and meet over links that are there at times.
//
// The stores are real ones, in directories and over a network in memory; what happens
// follows from a seed, when is up to the machine. Start with Play.
package families

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
)

var ctx = context.Background() // of what no run ends

// A person is one store of the topic.
type person struct {
	name    string
	dir     string
	adopt   bool // it is a clone
	db      *xaeroflux.DB
	topic   *xaeroflux.Topic
	addr    string
	account xaeroflux.AccountKey // once it belongs
}

// A world is a family and what happened to it.
type world struct {
	dir   string
	seed  uint64
	r     *rand.Rand
	net   *network
	all   []*person
	trace []string
	wrong []string
	said  int
}

// A stop ends a run: what should never happen did.
type stop struct{ error }

func (w *world) must(err error) {
	if err != nil {
		panic(stop{err})
	}
}

func (w *world) tell(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func newWorld(dir string, seed uint64) *world {
	return &world{dir: dir, seed: seed, r: rand.New(rand.NewPCG(seed, 14)), net: newNetwork()}
}

// open opens a person's store.
func (w *world) open(p *person, invite string) {
	o := &xaeroflux.Options{PageBytes: 4096, SegmentPages: 2, Invite: invite, Adopt: p.adopt, NewCarrier: w.net.carrier(p.name)}
	var err error
	p.db, err = xaeroflux.Open(p.dir, o)
	w.must(err)
	at, err := p.db.Listen(ctx, p.name+":0")
	w.must(err)
	p.addr = at.String()
	for _, t := range p.db.Topics() {
		if t.Kind() == xaeroflux.PrivateTopic {
			p.topic = t
		}
	}
}

// founder makes the first store, which founds the topic.
func (w *world) founder(name string) *person {
	p := &person{name: name, dir: filepath.Join(w.dir, name)}
	w.open(p, "")
	var err error
	p.topic, err = p.db.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	w.must(err)
	w.all = append(w.all, p)
	w.know(p)
	return p
}

// joins has a new store join by an invite.
func (w *world) joins(name, invite string) *person {
	p := &person{name: name, dir: filepath.Join(w.dir, name)}
	w.open(p, invite)
	w.all = append(w.all, p)
	return p
}

// know looks who a person is by now.
func (w *world) know(p *person) bool {
	members, err := p.topic.Members()
	w.must(err)
	for _, m := range members {
		if m.Self {
			p.account = m.Account
			return true
		}
	}
	return false
}

// peer is the key that a store is known by on the network.
func (p *person) peer() identity.PeerID { return identity.PeerID(p.db.PeerID()) }

// close closes a store.
func (p *person) close() error {
	if p.db == nil {
		return nil
	}
	err := p.db.Close()
	p.db = nil
	return err
}

// clone makes a copy of a store, and has both go on as the same device.
func (w *world) clone(p *person) *person {
	w.must(p.close())
	c := &person{name: p.name + "x", adopt: true, account: p.account}
	c.dir = filepath.Join(w.dir, c.name)
	w.must(os.CopyFS(c.dir, os.DirFS(p.dir)))
	w.must(os.Chmod(filepath.Join(c.dir, "identity.key"), 0o600))
	w.open(p, "")
	w.open(c, "")
	w.all = append(w.all, c)
	return c
}

// meet lets two stores sync once.
func (w *world) meet(a, b *person, limit time.Duration) error {
	if a.db == nil || b.db == nil {
		return nil
	}
	if a.db.PeerID() == b.db.PeerID() {
		return nil // they do not talk to themselves
	}
	w.net.set(a.name, b.name, true)
	defer w.part(a, b)
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := a.db.Sync(short, b.addr)
	return err
}

// part parts two stores, and returns once both know.
func (w *world) part(a, b *person) {
	w.net.set(a.name, b.name, false)
	for i := range 200 {
		if !a.sees(b) && !b.sees(a) {
			return
		}
		time.Sleep(time.Duration(min(i, 10)) * time.Millisecond)
	}
	w.fail("%s and %s are parted and do not know", a.name, b.name)
}

func (p *person) sees(q *person) bool {
	id := q.db.PeerID()
	return slices.ContainsFunc(p.db.Peers(), func(x xaeroflux.PeerStatus) bool { return x.Peer == id })
}

// admit has a new store join by an invite of a steward, which admits it.
func (w *world) admit(by *person, name string, role xaeroflux.Role) *person {
	invite, err := by.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: role})
	w.must(err)
	p := w.joins(name, invite)
	for i := range 40 {
		err = w.meet(p, by, 2*time.Second)
		if w.know(p) {
			return p
		}
		time.Sleep(time.Duration(i) * time.Millisecond) // the steward answers beside the sync
	}
	panic(stop{fmt.Errorf("%s is not admitted by %s: %v", name, by.name, err)})
}

// handover moves the roster.
func (w *world) handover(from, to *person) {
	asked, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if err := to.topic.AskHandover(asked); err != nil && !errors.Is(err, xaeroflux.ErrAsked) && !errors.Is(err, context.DeadlineExceeded) {
		panic(stop{err})
	}
	for i := range 40 {
		time.Sleep(time.Duration(i) * time.Millisecond)
		w.must(w.meet(to, from, 2*time.Second))
		err := from.topic.Handover(ctx, to.topic.Log().Author())
		if errors.Is(err, xaeroflux.ErrNotAsked) {
			continue
		}
		w.must(err)
		break
	}
	for i := range 40 {
		time.Sleep(time.Duration(i) * time.Millisecond)
		_ = w.meet(to, from, 2*time.Second)
		if s, err := to.topic.Roster(); err == nil && s.Self {
			return
		}
	}
	panic(stop{fmt.Errorf("%s does not have the roster", to.name)})
}

// say has a person append.
func (w *world) say(p *person) error {
	w.said++
	_, err := p.topic.Append(ctx, xaeroflux.Event{Payload: fmt.Appendf(nil, "%d by %s", w.said, p.name)})
	return err
}

// forked returns the logs of the topic that a person knows to be forked. Each reads what
// it held of one when it learned that.
func (p *person) forked() (all []xaeroflux.LogID, err error) {
	logs, err := p.topic.Logs()
	for _, l := range logs {
		if _, frozen := l.Frozen(); frozen {
			all = append(all, l.ID())
		}
	}
	slices.SortFunc(all, func(a, b xaeroflux.LogID) int { return bytes.Compare(a[:], b[:]) })
	return all, err
}

// reads returns what a person reads but of some logs, and how much of it is sealed for it.
func (p *person) reads(but []xaeroflux.LogID) (all []string, sealed int, err error) {
	for r, err := range p.topic.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			return nil, 0, err
		}
		if slices.Contains(but, r.Log) {
			continue
		}
		if r.Sealed != nil {
			sealed++
		} else {
			all = append(all, string(r.Payload))
		}
	}
	slices.Sort(all)
	return all, sealed, nil
}

// members returns who belongs by what a person holds, as text.
func (p *person) members() (string, error) {
	members, err := p.topic.Members()
	var all []string
	for _, m := range members {
		var devices []string
		for _, d := range m.Devices {
			devices = append(devices, d.Log.String()[:8])
		}
		slices.Sort(devices)
		all = append(all, fmt.Sprint(m.Account.Short(), m.Role, devices))
	}
	slices.Sort(all)
	return strings.Join(all, "; "), err
}

// stop closes all stores.
func (w *world) stop() {
	for _, p := range w.all {
		if err := p.close(); err != nil {
			w.fail("%s: %v", p.name, err)
		}
	}
}
