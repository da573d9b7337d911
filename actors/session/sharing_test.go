// SPDX-License-Identifier: MPL-2.0

package session

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A session is in sync when all its topics agree and no more are offered,
// whatever comes and goes.
func TestSharing(t *testing.T) {
	k, a, b := newSharing(), digest.Hash{1}, digest.Hash{2}
	want := func(inSync bool, order ...digest.Hash) {
		t.Helper()
		if k.inSync() != inSync || len(k.order) != len(order) {
			t.Fatalf("in sync %v, %d topics; want %v, %d", k.inSync(), len(k.order), inSync, len(order))
		}
		for i, id := range order {
			if k.order[i] != id || k.topic[k.number[id]] != id {
				t.Fatalf("topic %d is %s, number %d", i, k.order[i].Short(), k.number[id])
			}
		}
	}
	want(false)
	k.add([]syncer.SharedTopic{{ID: a, Number: 0}})
	want(false, a)
	if !k.setAgreed(a, true) || k.setAgreed(a, true) {
		t.Error("agreement is news once")
	}
	want(true, a)
	k.add([]syncer.SharedTopic{{ID: b, Number: 5}})
	want(false, a, b)
	if n := k.unsettled(); n != 1 {
		t.Errorf("%d of 2 topics are not settled, want 1", n)
	}
	over := k.over[b]
	k.drop(b)
	want(true, a)
	select {
	case <-over:
	default:
		t.Error("what is served of a topic that was left goes on")
	}
	k.drop(b)
	k.lists = true
	want(false, a)
	k.lists = false
	k.add([]syncer.SharedTopic{{ID: b, Number: 6}})
	k.setAgreed(b, true)
	want(true, a, b)
	k.drop(a)
	k.drop(b)
	want(false)
	k.add([]syncer.SharedTopic{{ID: a, Number: 7}, {ID: b, Number: 8, Reach: &syncer.Reach{}}})
	k.setAgreed(a, true)
	want(false, a) // certificates share the other one
	if n := k.unsettled(); n != 1 || k.setAgreed(b, true) || k.topic[8] != b {
		t.Errorf("%d topics are not settled, want the one that certificates share", n)
	}
	k.drop(b)
	want(true, a)
	k.drop(a)
	want(false)
	if k.agreeds != 0 || len(k.agreed)+len(k.topic)+len(k.number)+len(k.over)+len(k.reach) != 0 {
		t.Errorf("something is left: %+v", k)
	}
}
