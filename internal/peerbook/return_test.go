// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"testing"
	"time"
)

// A peer that was here a while ago is dialed often enough to be back within 30 seconds,
// however long it is away; one that was never found is not.
func TestAPeerThatWasHereIsNotLeftForLong(t *testing.T) {
	b, now := New(peer(0)), t0
	b.Keep(addr(1))
	b.Proved(addr(1), now)
	b.Up(peer(1), nil, now)
	b.Down(peer(1), time.Hour, false, errOops, now, 0)
	b.Keep(addr(2))
	for now.Sub(t0) < ReturnTime/2 {
		e, _ := b.Get(peer(1))
		if wait := e.Next.Sub(now); wait+LongTry > 30*time.Second {
			t.Fatalf("the next try is %v off, %v after the peer went", wait, now.Sub(t0))
		}
		now = e.Next.Add(LongTry)
		b.Failed(addr(1), errOops, now, 0)
		b.Failed(addr(2), errOops, now, 0)
	}
	if e, _ := b.Get(peer(2)); e.Next.Sub(now) < BackoffCap {
		t.Errorf("one that was never found is dialed again after %v", e.Next.Sub(now))
	}
}

// However often a session is cut, one that brought something is no failure.
func TestAShortSessionThatGaveIsNoFailure(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(1))
	for range 10 {
		b.Down(peer(1), time.Second, true, errOops, t0, 0)
	}
	if e, _ := b.Get(peer(1)); e.Failures != 0 || e.Next.Sub(t0) > BackoffBase {
		t.Errorf("%d failures, dialed again after %v", e.Failures, e.Next.Sub(t0))
	}
}
