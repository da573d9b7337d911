// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/keeper"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/transport"
)

// acts founds an open topic and returns what its person does there.
func (m *member) acts() (topic *store.Topic, act func(content any) error) {
	m.t.Helper()
	f, err := m.st.NewFounding("n", store.Founding{Policy: identity.PolicyOpen, PageBytes: 4096}, epoch)
	if err == nil {
		err = m.n.Pipeline().Do(m.t.Context(), f)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return f.Topic, func(content any) error {
		st, err := m.st.RosterToChange(f.Topic)
		if err != nil {
			return err
		}
		body, err := roster.NewRequest(st, content)
		if err == nil {
			_, err = m.n.Keeper().Act(m.t.Context(), f.Topic.ID, steward.Act{Body: body})
		}
		return err
	}
}

// position returns where a topic's roster is, as peers are told.
func (m *member) position(topic *store.Topic) identity.Position {
	m.t.Helper()
	p, err := m.st.Source().Position(topic.ID)
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// TestAnActBeginsAnOpenRoster: the first act in an open topic that the roster allows begins
// it, one that it does not allow leaves it as it is.
func TestAnActBeginsAnOpenRoster(t *testing.T) {
	m := newMember(t, transport.NewMemory(transport.MemoryOptions{}), 1, nil)
	topic, act := m.acts()
	owner := roster.Key(topic.Genesis.Owner)
	if err := act(&roster.RoleChange{Account: owner, Role: roster.Reader}); !errors.Is(err, keeper.ErrRefused) {
		t.Fatalf("the owner is to be a reader: %v", err)
	}
	if p := m.position(topic); p.Size > 0 {
		t.Errorf("nothing was done, and the roster holds %+v", p)
	}
	for i := range uint64(2) {
		if err := act(&roster.Right{Account: owner, On: owner, What: "x", Calls: uint32(i + 1)}); err != nil {
			t.Fatal(err)
		}
		if p := m.position(topic); p.Size != 3+i {
			t.Errorf("the roster holds %+v", p)
		}
	}
	if err := m.n.Keeper().BeginRoster(t.Context(), topic.ID); err != nil || m.position(topic).Size != 4 {
		t.Errorf("it begins once more: %v, %+v", err, m.position(topic))
	}
}

// TestAnOpenRosterBeginsWhole: what keeps the first batch from being stored leaves nothing of
// the roster, and it begins later.
func TestAnOpenRosterBeginsWhole(t *testing.T) {
	for stored := int64(0); ; stored++ {
		full := &refusing{err: syscall.ENOSPC, of: commits, from: 1 << 40}
		net := transport.NewMemory(transport.MemoryOptions{})
		m := newMember(t, net, 1, full.disk)
		topic, act := m.acts()
		right := &roster.Right{Account: topic.Genesis.Owner, On: topic.Genesis.Owner, What: "x", Calls: 1}
		full.from = full.calls.Load() + stored
		err := act(right)
		m.close()
		st, opened := store.Open(m.st.Dir(), store.Options{})
		if opened != nil {
			t.Fatal(opened)
		}
		m = startMember(t, net, st)
		switch p := m.position(topic); {
		case err == nil && p.Size == 3 && stored > 0:
			return
		case err == nil || p.Size > 0:
			t.Fatalf("after %d commits: %v, the roster holds %+v", stored, err, p)
		}
		if topic, err = st.Topic(topic.ID); err != nil {
			t.Fatal(err)
		}
		if begins, err := st.BeginsRoster(topic); err != nil || !begins {
			t.Fatalf("after %d commits it does not begin: %v", stored, err)
		}
		if err := m.n.Keeper().BeginRoster(t.Context(), topic.ID); err != nil || m.position(topic).Size != 2 {
			t.Errorf("begun after %d commits: %v, %+v", stored, err, m.position(topic))
		}
	}
}

// TestNoTakeOverOfNothing: by a term record that names nothing all that others hold of the
// roster would be void, so the owner of a topic of members takes over what is here.
func TestNoTakeOverOfNothing(t *testing.T) {
	m := newMember(t, transport.NewMemory(transport.MemoryOptions{}), 1, nil)
	owner, err := identity.NewAccountSecret(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.NewTopicKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	for policy, want := range map[identity.Policy]error{identity.PolicySealed: keeper.ErrNoRoster, 0: keeper.ErrNoRoster, identity.PolicyOpen: nil} {
		g := &identity.Genesis{Policy: policy, Owner: identity.PublicKey(owner.Key()), LobbyHash: identity.LobbyHash(keys.Lobby)}
		if want == nil {
			g.PageBytes, g.JoinHash = 4096, identity.JoinHash(keys.Join)
		}
		identity.Seed{7}.Found(identity.Generation{7}, g)
		j := m.st.NewJoin(g, keys, "")
		if err := m.n.Pipeline().Do(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if err := m.n.Keeper().TakeOver(t.Context(), j.Topic.ID, owner); !errors.Is(err, want) {
			t.Errorf("policy %d: %v", policy, err)
		}
		if p := m.position(j.Topic); (p.Size == 2) != (want == nil) {
			t.Errorf("policy %d: the roster holds %+v", policy, p)
		}
	}
}
