// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"fmt"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// placeAt returns a place of a peer.
func placeAt(i, host int) identity.Address {
	return identity.Address{Peer: peer(i), Host: fmt.Sprintf("20.%d.0.1:7", host)}
}

// dialUntil dials peer 1 as the book says, and each attempt takes a second and fails, until
// the book says the place; it returns how long that took. Each second happens.
func dialUntil(t *testing.T, b *Book, now time.Time, want identity.Address, limit time.Duration, each func(now time.Time)) time.Duration {
	t.Helper()
	for end := now.Add(limit); now.Before(end); now = now.Add(time.Second) {
		each(now)
		for _, d := range b.Plan(idle(now)).Dial {
			if d.Address == want {
				return now.Sub(end.Add(-limit))
			}
			b.Failed(d.Address, errOops, now.Add(time.Second), 0.5)
		}
	}
	t.Fatalf("%v is not dialed in %v", want, limit)
	return 0
}

// A peer whose address changed, and of which others tell false places, is dialed at its new
// place as soon as that is told, however long the others failed.
func TestOtherPlacesHoldUpNone(t *testing.T) {
	b := New(peer(0))
	now := t0
	b.Keep(placeAt(1, 1))
	b.Proved(placeAt(1, 1), now)
	b.Up(peer(1), nil, now)
	b.Down(peer(1), time.Hour, false, errOops, now, 0)
	for i := range 3 * 3600 { // it is there no more, and false hints come
		now = now.Add(time.Second)
		if i%3000 == 0 {
			b.Told(placeAt(1, 100+i/3000), by(2), now)
		}
		for _, d := range b.Plan(idle(now)).Dial {
			b.Failed(d.Address, errOops, now, 0.5)
		}
	}
	if e, _ := b.Get(peer(1)); e.Failures < 20 {
		t.Fatalf("it failed %d times only", e.Failures)
	}
	b.Told(placeAt(1, 50), by(3), now)
	if took := dialUntil(t, b, now, placeAt(1, 50), time.Minute, func(time.Time) {}); took > time.Second {
		t.Errorf("dialed after %v", took)
	}
}

// Of a peer of which a member tells a false place every second, the place where it was
// found is dialed as often as if nobody did.
func TestHintsStarveNoPlace(t *testing.T) {
	b := New(peer(0))
	b.Keep(placeAt(1, 1))
	b.Proved(placeAt(1, 1), t0)
	b.Failed(placeAt(1, 1), errOops, t0, 0.5)
	n := 0
	lie := func(now time.Time) {
		n++
		b.Told(placeAt(1, 100+n%100), by(2), now)
	}
	now := t0
	for tries := range 8 {
		due := Pause(tries+1, 0.5)
		took := dialUntil(t, b, now, placeAt(1, 1), due+time.Hour, lie)
		if took > due+5*time.Second {
			t.Errorf("try %d comes after %v, want %v", tries, took, due)
		}
		now = now.Add(took)
		b.Failed(placeAt(1, 1), errOops, now, 0.5)
	}
}

// A place that a person names again is dialed at once.
func TestNamedAgain(t *testing.T) {
	b := New(peer(0))
	b.Keep(placeAt(1, 1))
	for range 20 {
		b.Failed(placeAt(1, 1), errOops, t0, 0.5)
	}
	if p := b.Plan(idle(t0)); len(p.Dial) != 0 {
		t.Fatalf("%v", p.Dial)
	}
	b.Keep(placeAt(1, 1))
	if p := b.Plan(idle(t0)); len(p.Dial) != 1 || p.Dial[0].Try != FirstTry {
		t.Errorf("%v", p.Dial)
	}
}
