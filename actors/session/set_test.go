// SPDX-License-Identifier: MPL-2.0

package session

import (
	"log/slog"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A peer hears one run for as long as the store is open, and no other peer hears it.
func TestEachPeerHearsARunOfItsOwn(t *testing.T) {
	heard := func(k *Set, p byte) string { return string(k.capabilities(identity.PeerID{p})[messages.CapRun]) }
	c := Config{Doors: doors.New(slog.New(slog.DiscardHandler))}
	first, again := NewSet(c), NewSet(c)
	if a := heard(first, 1); len(a) != 16 || a != heard(first, 1) || a == heard(first, 2) || a == heard(again, 1) {
		t.Errorf("%x, then %x; %x to another, %x after opening again", a, heard(first, 1), heard(first, 2), heard(again, 1))
	}
}
