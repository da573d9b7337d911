// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"reflect"
	"testing"
)

// Each content makes the request that has it, at the position that is held.
func TestNewRequest(t *testing.T) {
	s := found(t, openGenesis())
	for _, a := range sampleAsks() {
		q, ok := a.(*Request)
		if !ok {
			continue
		}
		got, err := NewRequest(s, q.Content)
		if err != nil {
			t.Fatalf("what %d: %v", q.What, err)
		}
		if want := (&Request{s.Point(), q.What, q.Content}); !reflect.DeepEqual(got, want) {
			t.Errorf("what %d: %+v", q.What, got)
		}
	}
	for _, content := range []any{Target{}, &Leave{}, &RoleChange{Role: Owner}, &Invite{}} {
		if _, err := NewRequest(s, content); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T: %v", content, err)
		}
	}
	g := openGenesis()
	empty, _ := New(g.ID(), g.Append(nil))
	if _, err := NewRequest(empty, nil); !errors.Is(err, ErrMalformed) {
		t.Error("an ask at no position", err)
	}
}

func TestNewJoin(t *testing.T) {
	s := found(t, openGenesis())
	apply(t, s, &MakeInvite{Invite: Invite{Key: pub(keyOf("invite")), Role: Writer, Uses: 1}})
	k := Card{Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 4096}
	if v := s.ProvisionalJoin(NewJoin(s.Topic(), k, keyOf("ann"), keyOf("ann's phone"), keyOf("invite"))); v != "" {
		t.Error(v)
	}
	if v := s.ProvisionalJoin(NewJoin(s.Topic(), k, keyOf("ann"), keyOf("ann's phone"), keyOf("ann"))); v != VoidInvite {
		t.Error(v)
	}
}

// The devices that leave with a target are those that do not belong once it is removed.
func TestLeaving(t *testing.T) {
	s := found(t, openGenesis())
	owner := Key(s.Genesis().Owner)
	parent := Key{}
	for _, name := range []string{"first", "copy", "copy of that"} {
		c := DeviceCard{Account: owner, Device: pub(keyOf(name)), PageBytes: 4096, Parent: parent}
		apply(t, s, &AddDevice{Device: SignDevice(s.Topic(), c, keyOf("owner"), keyOf(name))})
		parent = c.Device
	}
	want := map[Key]bool{pub(keyOf("first")): true, pub(keyOf("copy")): true, pub(keyOf("copy of that")): true}
	target := Target{owner, pub(keyOf("copy"))}
	for _, d := range s.Leaving(target) {
		if !want[d.Key] {
			t.Errorf("%s leaves", d.Key.Short())
		}
		delete(want, d.Key)
	}
	if len(want) > 0 {
		t.Errorf("%d stay", len(want))
	}
	apply(t, s, &Remove{Target: target})
	if n := len(s.Leaving(Target{Account: owner})); n != 1 {
		t.Errorf("%d devices are left", n)
	}
}
