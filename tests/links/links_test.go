// SPDX-License-Identifier: MPL-2.0

//go:build unix

// Package links holds two nodes, which are programs of their own in network
// namespaces, against whatever happens to the network between them.
package links

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var ctx = context.Background() // of what no test ends

// After each change of the network an event is appended at one side or the other, and
// has to be at the other side within linkLimit. A run takes the time that a silent link
// takes to be noticed, so CI runs what is quick; XF_LINKS=1, which is make links, runs all.
const (
	linkLimit = 30 * time.Second
	toldLimit = 5 * time.Second // the same after DB.NetworkChanged
)

// A pairOf is two nodes: here dialed there.
type pairOf struct {
	t           *testing.T
	ip          func(line string)
	here, there *linkNode
	sent        int
}

// newPair starts two nodes that are in sync by the scheme ("quic", "tcp", or "" for
// whatever gets through).
func newPair(t *testing.T, e linkEvent) *pairOf {
	if e.nat {
		needs(t, "nft", "nftables")
	}
	p := &pairOf{t: t, ip: namespaces(t)}
	p.ip("-n " + nsRouter + " " + strings.Replace(nsRule, "add", "del", 1))
	if e.nat {
		p.translate()
	}
	dir, listen := t.TempDir(), "0.0.0.0:4041"
	if e.bound {
		listen = "10.91.0.1:4041"
	}
	var options []string
	if e.found {
		options = []string{"XF_LINK_ADVERTISE=1"}
	}
	p.there = startLink(t, nsThere, filepath.Join(dir, "there"), append(options, "XF_LINK_LISTEN=0.0.0.0:4040")...)
	at, invite := p.there.must("at "), p.there.must("invite ")
	peer, _, _ := strings.Cut(at, "@")
	p.here = startLink(t, nsHere, filepath.Join(dir, "here"), append(options, "XF_LINK_INVITE="+invite, "XF_LINK_LISTEN="+listen)...)
	place := "10.91.1.1:4040"
	if e.scheme != "" {
		place = e.scheme + "://" + place
	}
	p.here.tell("connect " + peer + "@" + place)
	p.here.must("state in sync")
	p.there.must("state in sync")
	p.rest()
	return p
}

// arrives appends at one node and waits until the event is at the other.
func (p *pairOf) arrives(from, to *linkNode, since time.Time, limit time.Duration) {
	p.t.Helper()
	p.sent++
	text := fmt.Sprintf("event %d", p.sent)
	from.tell("append " + text)
	if _, ok := to.await("event "+text, time.Until(since.Add(limit))); !ok {
		p.t.Fatalf("no event from %s to %s within %v; they are %q and %q", from.ns, to.ns, limit, from.state, to.state)
	}
	p.t.Logf("from %s to %s after %v", from.ns, to.ns, time.Since(since).Round(time.Millisecond))
}

// A linkEvent is something that happens to the network between two nodes.
type linkEvent struct {
	name   string
	scheme string
	do     func(p *pairOf)
	told   bool // who is concerned is told by NetworkChanged
	first  bool // here is the first to say something
	found  bool // each may be dialed by the other
	nat    bool // the router has one address for whatever is behind it
	keeps  bool // the session goes on
	bound  bool // here listens at its address, not at all it has
	long   bool // only by make links
}

func (p *pairOf) moveHere() {
	p.ip("-n " + nsHere + " addr del 10.91.0.1/24 dev l0")
	p.ip("-n " + nsHere + " addr add 10.91.0.7/24 dev l0")
	p.ip("-n " + nsHere + " route add default via 10.91.0.2")
}

func (p *pairOf) moveThere() {
	p.ip("-n " + nsThere + " addr del 10.91.1.1/24 dev l1")
	p.ip("-n " + nsThere + " addr add 10.91.1.7/24 dev l1")
	p.ip("-n " + nsThere + " route add default via 10.91.1.2")
}

func (p *pairOf) restartThere() {
	p.there.kill()
	p.there.start()
	p.there.must("at ")
}

func (p *pairOf) blockUDP() { p.ip("-n " + nsRouter + " " + nsRule) }

// suspendHere is as near to a machine that sleeps as a process comes: it is stopped
// for longer than its peer waits, and nothing reaches it. Its clocks go on, while
// that of a machine stands still (TestAwakeAfterTwoHours is about those).
func (p *pairOf) suspendHere() {
	p.ip("-n " + nsHere + " link set l0 down")
	p.here.signal(syscall.SIGSTOP)
	time.Sleep(2 * time.Minute)
	p.ip("-n " + nsHere + " link set l0 up")
	p.ip("-n " + nsHere + " route add default via 10.91.0.2")
	p.here.signal(syscall.SIGCONT)
}

func (p *pairOf) hereIsTold()  { p.here.tell("changed") }
func (p *pairOf) thereIsTold() { p.there.tell("changed") }

// both does one thing and then another.
func both(first, second func(p *pairOf)) func(p *pairOf) {
	return func(p *pairOf) { first(p); second(p) }
}

var linkEvents = []linkEvent{
	{name: "dialer moves", scheme: "quic", do: (*pairOf).moveHere, long: true},
	{name: "dialer moves and speaks", scheme: "quic", keeps: true, do: (*pairOf).moveHere, first: true},
	{name: "dialer moves and is told", scheme: "quic", told: true, keeps: true, do: both((*pairOf).moveHere, (*pairOf).hereIsTold)},
	{name: "dialer moves, bound to its address", scheme: "quic", bound: true, do: (*pairOf).moveHere, long: true},
	{name: "dialer moves, bound to its address, and is told", scheme: "quic", bound: true, told: true, keeps: true, do: both((*pairOf).moveHere, (*pairOf).hereIsTold)},
	{name: "dialer moves, TCP", scheme: "tcp", long: true, do: (*pairOf).moveHere},
	{name: "dialer moves and is told, TCP", scheme: "tcp", told: true, do: both((*pairOf).moveHere, (*pairOf).hereIsTold)},
	{name: "listener moves", scheme: "quic", do: (*pairOf).moveThere, found: true, long: true},
	{name: "listener moves, and dialer speaks", scheme: "quic", do: (*pairOf).moveThere, found: true, first: true, long: true},
	{name: "listener moves and is told", scheme: "quic", told: true, found: true, do: both((*pairOf).moveThere, (*pairOf).thereIsTold)},
	{name: "listener moves, TCP", scheme: "tcp", do: (*pairOf).moveThere, found: true, long: true},
	{name: "listener moves, and dialer speaks, TCP", scheme: "tcp", do: (*pairOf).moveThere, found: true, first: true, long: true},
	{name: "listener moves and is told, TCP", scheme: "tcp", told: true, found: true, do: both((*pairOf).moveThere, (*pairOf).thereIsTold)},
	{name: "listener comes back", scheme: "quic", do: (*pairOf).restartThere, long: true},
	{name: "listener comes back, and dialer speaks", scheme: "quic", do: (*pairOf).restartThere, first: true},
	{name: "listener comes back, and dialer is told", scheme: "quic", told: true, do: both((*pairOf).restartThere, (*pairOf).hereIsTold)},
	{name: "listener comes back, TCP", scheme: "tcp", do: (*pairOf).restartThere, first: true},
	{name: "UDP is blocked", do: (*pairOf).blockUDP, first: true},
	{name: "UDP is blocked, and listener speaks", do: (*pairOf).blockUDP, long: true},
	{name: "UDP is blocked, and dialer is told", told: true, do: both((*pairOf).blockUDP, (*pairOf).hereIsTold)},
	{name: "NAT keeps the mapping", scheme: "quic", nat: true, long: true, do: (*pairOf).staySilent},
	{name: "NAT forgets the mapping", scheme: "quic", nat: true, long: true, do: (*pairOf).forgetMappings},
	{name: "NAT forgets the mapping, and dialer speaks", scheme: "quic", nat: true, first: true, keeps: true, do: (*pairOf).forgetMappings},
	{name: "NAT forgets the mapping, and dialer is told", scheme: "quic", nat: true, told: true, keeps: true, do: both((*pairOf).forgetMappings, (*pairOf).hereIsTold)},
	{name: "NAT forgets the mapping, TCP", scheme: "tcp", nat: true, long: true, do: (*pairOf).forgetMappings},
	{name: "dialer sleeps", scheme: "quic", long: true, do: (*pairOf).suspendHere},
	{name: "dialer sleeps and is told", scheme: "quic", told: true, long: true, do: both((*pairOf).suspendHere, (*pairOf).hereIsTold)},
	{name: "dialer sleeps and wakes elsewhere", scheme: "quic", first: true, long: true, do: both((*pairOf).suspendHere, (*pairOf).moveHere)},
	{name: "dialer sleeps, TCP", scheme: "tcp", long: true, do: (*pairOf).suspendHere},
}

// TestLinks: an event gets through soon after whatever happened to the network.
func TestLinks(t *testing.T) {
	for _, e := range linkEvents {
		t.Run(e.name, func(t *testing.T) {
			if e.long && !all() || testing.Short() {
				t.Skip("make links runs it")
			}
			e.run(newPair(t, e))
		})
	}
}

func (e linkEvent) run(p *pairOf) {
	limit := linkLimit
	if e.told {
		limit = toldLimit
	}
	e.do(p)
	since, here, there := time.Now(), p.here.sessions, p.there.sessions
	if !e.first {
		p.arrives(p.there, p.here, since, limit) // here has nothing to say that would show the way
	}
	p.arrives(p.here, p.there, since, limit)
	if e.first {
		p.arrives(p.there, p.here, since, limit)
	}
	p.t.Logf("%d and %d sessions since", p.here.sessions-here, p.there.sessions-there)
	if e.keeps && (p.here.sessions > here || p.there.sessions > there) {
		p.t.Error("the session did not go on")
	}
}
