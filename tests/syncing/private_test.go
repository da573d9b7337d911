// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A person is one store of a private topic.
type person struct {
	name    string
	dir     string
	db      *xaeroflux.DB
	topic   *xaeroflux.Topic
	addr    string
	account xaeroflux.AccountKey // once it belongs
	removed bool                 // as the owner knows
}

// A family is a private topic whose members come, write, ask for each other's removal,
// and go, over links that are there at times.
type family struct {
	t      *testing.T
	r      *rand.Rand
	net    *transport.Memory
	all    []*person
	steps  int
	secret map[string][]*person // payloads that some must never read
}

func newFamily(t *testing.T, seed uint64) *family {
	f := &family{t: t, r: rand.New(rand.NewPCG(seed, 14)), net: transport.NewMemory(transport.MemoryOptions{}), secret: map[string][]*person{}}
	owner := f.open("p0", filepath.Join(t.TempDir(), "p0"), "")
	topic, err := owner.db.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	storetest.Must(t, err)
	owner.topic = topic
	owner.account = self(t, topic)
	return f
}

func (f *family) open(name, dir, invite string) *person {
	o := storetest.OnMemory(f.net)
	o.Invite = invite
	p := &person{name: name, dir: dir, db: storetest.Open(f.t, dir, o)}
	at, err := p.db.Listen(ctx, name+":0")
	storetest.Must(f.t, err)
	p.addr = at.String()
	if invite != "" {
		p.topic = p.db.Topics()[0]
	}
	f.all = append(f.all, p)
	return p
}

func self(t *testing.T, topic *xaeroflux.Topic) (a xaeroflux.AccountKey) {
	members, err := topic.Members()
	storetest.Must(t, err)
	for _, m := range members {
		if m.Self {
			a = m.Account
		}
	}
	return a
}

// reads returns what a person reads.
func (p *person) reads(t *testing.T) []string {
	var all []string
	for r, err := range p.topic.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		if r.Sealed == nil {
			all = append(all, string(r.Payload))
		} else if !errors.Is(r.Sealed, xaeroflux.ErrSealed) {
			t.Errorf("%s cannot read an event: %v", p.name, r.Sealed)
		}
	}
	slices.Sort(all)
	return all
}

// links has two persons sync if they share the topic; those who do not are not told why.
func (f *family) links(a, b *person, limit time.Duration) {
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, _ = a.db.Sync(short, b.addr)
}

func (f *family) pick() *person { return f.all[f.r.IntN(len(f.all))] }

func (f *family) step() {
	f.steps++
	p, q := f.pick(), f.pick()
	switch f.r.IntN(10) {
	case 0: // somebody is invited
		if len(f.all) == 6 {
			return
		}
		invite, err := f.all[0].topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.Role(2 + f.r.IntN(2))})
		storetest.Must(f.t, err)
		name := fmt.Sprint("p", len(f.all))
		f.links(f.open(name, filepath.Join(f.t.TempDir(), name), invite), f.all[0], 5*time.Second)
	case 1: // the owner removes somebody
		if !q.account.IsZero() && !q.removed && q != f.all[0] && f.r.IntN(2) == 0 {
			storetest.Must(f.t, f.all[0].topic.Remove(ctx, q.account))
			q.removed = true
		}
	case 2: // somebody asks for a removal, and may have no right to
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		if p != f.all[0] && q != f.all[0] && p != q && !q.account.IsZero() && f.r.IntN(3) == 0 {
			_ = p.topic.Remove(short, q.account)
		}
		cancel()
	case 3, 4, 5:
		f.write(p)
	default:
		if p != q {
			f.links(p, q, 300*time.Millisecond)
		}
	}
	f.look()
}

// write has a person append. What the owner writes is kept from those it removed.
func (f *family) write(p *person) {
	payload := fmt.Sprintf("%d by %s", f.steps, p.name)
	if _, err := p.topic.Append(ctx, xaeroflux.Event{Payload: []byte(payload)}); err != nil || p != f.all[0] {
		return
	}
	for _, x := range f.all {
		if x.removed {
			f.secret[payload] = append(f.secret[payload], x)
		}
	}
}

// look takes note of who belongs by now.
func (f *family) look() {
	members, err := f.all[0].topic.Members()
	storetest.Must(f.t, err)
	belongs := map[xaeroflux.AccountKey]bool{}
	for _, m := range members {
		belongs[m.Account] = true
	}
	for _, p := range f.all {
		if p.account.IsZero() {
			for _, m := range members {
				if m.Devices[0].Log == p.topic.Log().ID() {
					p.account = m.Account
				}
			}
		}
		p.removed = p.removed || !p.account.IsZero() && !belongs[p.account]
	}
}

// settle links all until those who belong agree.
func (f *family) settle() {
	for range 4 {
		for _, p := range f.all[1:] {
			limit := 5 * time.Second
			if p.removed {
				limit = 300 * time.Millisecond
			}
			f.links(p, f.all[0], limit)
			f.links(f.all[0], p, limit)
		}
		f.look()
	}
}

// TestFamilies: whatever the order of joining, writing, removing and meeting, those who
// belong end with the same members and read the same, and nobody reads what was written
// after its removal was known to the writer.
func TestFamilies(t *testing.T) {
	removed, kept := 0, 0
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFamily(t, seed)
			for range 40 {
				f.step()
			}
			f.steps++
			f.write(f.all[0])
			f.settle()
			want := f.all[0].reads(t)
			members, err := f.all[0].topic.Members()
			storetest.Must(t, err)
			for _, p := range f.all[1:] {
				if p.removed || p.account.IsZero() {
					removed++
					continue
				}
				got, err := p.topic.Members()
				storetest.Must(t, err)
				if accounts(got) != accounts(members) {
					t.Errorf("%s knows members %s, the owner %s", p.name, accounts(got), accounts(members))
				}
				if read := p.reads(t); !slices.Equal(read, want) {
					t.Errorf("%s reads %q, the owner %q", p.name, read, want)
				}
			}
			for payload, from := range f.secret {
				kept += len(from)
				for _, p := range from {
					if slices.Contains(p.reads(t), payload) {
						t.Errorf("%s was removed and reads %q", p.name, payload)
					}
				}
			}
		})
	}
	if removed == 0 || kept == 0 {
		t.Errorf("%d are removed, %d payloads are kept from one", removed, kept)
	}
}

func accounts(members []xaeroflux.Member) string {
	all := map[string]xaeroflux.Role{}
	for _, m := range members {
		all[m.Account.Short()] = m.Role
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(all)), all)
}
