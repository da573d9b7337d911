// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

func TestScopes(t *testing.T) {
	for text, want := range map[string]Scope{
		"127.0.0.1": Machine, "127.255.0.9": Machine, "::1": Machine, "::ffff:127.0.0.1": Machine,
		"64:ff9b::127.0.0.1": Machine, "2002:7f00:1::": Machine,
		"10.1.2.3": Site, "172.31.0.1": Site, "192.168.9.9": Site, "169.254.169.254": Site, "100.64.0.1": Site,
		"fe80::1%eth0": Site, "fd00::1": Site, "::ffff:10.0.0.1": Site, "64:ff9b::10.0.0.1": Site,
		"0.0.0.0": Nowhere, "0.1.2.3": Nowhere, "::": Nowhere, "::ffff:0.0.0.0": Nowhere, "::127.0.0.1": Nowhere,
		"224.0.0.1": Nowhere, "240.0.0.1": Nowhere, "255.255.255.255": Nowhere, "ff02::1": Nowhere, "2001:0:1::": Nowhere,
		"1.1.1.1": World, "172.32.0.1": World, "100.128.0.1": World, "2606:4700::1": World, "64:ff9b::1.1.1.1": World,
	} {
		if got := ScopeOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s has scope %d, want %d", text, got, want)
		}
	}
	if ScopeOf(netip.Addr{}) != Nowhere {
		t.Error("no address leads somewhere")
	}
}

// The whole table: each origin, over each scope, to each scope.
func TestWhatMayBeDialed(t *testing.T) {
	for via := Nowhere; via <= World; via++ {
		for to := Nowhere; to <= World; to++ {
			if !MayDial(OfPerson, via, to) {
				t.Errorf("a person may not name a place of scope %d", to)
			}
			for _, o := range []Origin{OfPeer, OfItself} {
				want := map[Scope][]bool{ // by to
					Nowhere: {false, false, false, true}, // as from the world
					Machine: {false, true, true, true},
					Site:    {false, false, true, true},
					World:   {false, false, false, true},
				}[via][to]
				if got := MayDial(o, via, to); got != want {
					t.Errorf("origin %d over scope %d to scope %d: %v", o, via, to, got)
				}
			}
		}
	}
}

func TestWhatMayBeTold(t *testing.T) {
	for _, c := range []struct {
		host           string
		proven, public bool
		told           []Scope
	}{
		{"1.2.3.4:5", true, true, []Scope{Nowhere, Machine, Site, World}},
		{"tcp://1.2.3.4:5", true, true, []Scope{Nowhere, Machine, Site, World}},
		{"192.168.1.2:5", true, true, []Scope{Machine, Site}},
		{"127.0.0.1:5", true, true, []Scope{Machine}},
		{"a.example:5", true, true, []Scope{Nowhere, Machine, Site, World}},
		{"1.2.3.4:5", true, false, nil},
		{"1.2.3.4:5", false, true, nil},
	} {
		p := Place{Host: c.host, Public: c.public}
		if c.proven {
			p.Proven = t0
		}
		if p.MayKeep() != c.proven {
			t.Errorf("%+v: kept: %v", c, p.MayKeep())
		}
		for via, i := Nowhere, 0; via <= World; via++ {
			want := i < len(c.told) && c.told[i] == via
			if want {
				i++
			}
			if p.MayTell(via) != want {
				t.Errorf("%+v: told over scope %d: %v", c, via, !want)
			}
		}
	}
}

func TestWhereANodeListensIsTold(t *testing.T) {
	for host, told := range map[string][4]bool{ // by scope
		"0.0.0.0:1": {true, true, true, true}, "[::]:1": {true, true, true, true}, "a.example:1": {true, true, true, true},
		"127.0.0.1:1": {false, true, false, false}, "tcp://10.0.0.1:1": {false, true, true, false}, "1.2.3.4:1": {true, true, true, true},
	} {
		for via, want := range told {
			if MayTellOwn(host, Scope(via)) != want {
				t.Errorf("%s is told over scope %d: %v", host, via, !want)
			}
		}
	}
}

// Where a name leads is decided address by address.
func TestNamesAreDecidedWhereTheyLead(t *testing.T) {
	local, lan, far := netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("1.2.3.4")
	all := []netip.Addr{local, far, lan}
	hint := Target{Address: identity.Address{Host: "a.example:1"}, Origin: OfPeer}
	for _, c := range []struct {
		via  Scope
		want int
	}{{Nowhere, 1}, {World, 1}, {Site, 2}, {Machine, 3}} {
		hint.Via = c.via
		if got, err := hint.Allow(all); err != nil || len(got) != c.want || got[len(got)-1].Is4In6() {
			t.Errorf("told over scope %d: %v, %v, want %d", c.via, got, err, c.want)
		}
	}
	hint.Via = World
	if _, err := hint.Allow([]netip.Addr{local, lan}); !errors.Is(err, ErrPolicy) {
		t.Error(err)
	}
	if got, err := Named(hint.Address).Allow(all); err != nil || len(got) != 3 {
		t.Error(got, err)
	}
	// After a restart it is not known how a place was told. An address that was
	// proven is dialed again, wherever it is; a name only where it leads into the world.
	for host, want := range map[string]bool{"10.0.0.1:1": true, "127.0.0.1:1": true, "a.example:1": false} {
		p := Place{Host: host, Source: peer(2), Proven: t0}.target(peer(1))
		if got := MayDial(p.Origin, p.Via, Machine); got != want {
			t.Errorf("%s: dialed on this machine: %v", host, got)
		}
		asked, unproven, named := Place{Host: host, Source: peer(2), Proven: t0}, Place{Host: host}, Place{Host: host, Proven: t0}
		if asked.MayAsk(peer(1)) != want || unproven.MayAsk(peer(1)) || !named.MayAsk(peer(1)) {
			t.Errorf("%s: asked for a repair", host)
		}
	}
}

func TestNets(t *testing.T) {
	for host, want := range map[string]Net{
		"1.2.3.4:5": "1.2.0.0/16", "tcp://1.2.9.9:5": "1.2.0.0/16", "[::ffff:1.2.3.4]:5": "1.2.0.0/16",
		"[2001:db8:1::1]:5": "2001:db8::/32", "a.b.example.org:5": "example.org", "Example.ORG.:5": "example.org",
		"localhost:5": "localhost", "unix:///a/b": "/a/b",
	} {
		if got := NetOf(host); got != want {
			t.Errorf("%s is in %q, want %q", host, got, want)
		}
	}
}
