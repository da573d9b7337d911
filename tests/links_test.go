// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What happens to a network, between two nodes that are programs of their own in
// network namespaces. After each of them an event is appended at one side or the
// other, and has to be at the other side within linkLimit. A run takes the time that a silent link takes to be noticed, so CI
// runs what is quick; XF_LINKS=1, which is make links, runs all.
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
func newPair(t *testing.T, scheme string) *pairOf {
	p := &pairOf{t: t, ip: namespaces(t)}
	p.ip("-n " + nsRouter + " " + strings.Replace(nsRule, "add", "del", 1))
	dir := t.TempDir()
	p.there = startLink(t, nsThere, filepath.Join(dir, "there"), "XF_LINK_LISTEN=0.0.0.0:4040")
	at, invite := p.there.must("at "), p.there.must("invite ")
	peer, _, _ := strings.Cut(at, "@")
	p.here = startLink(t, nsHere, filepath.Join(dir, "here"), "XF_LINK_INVITE="+invite, "XF_LINK_LISTEN=0.0.0.0:4041")
	place := "10.91.1.1:4040"
	if scheme != "" {
		place = scheme + "://" + place
	}
	p.here.tell("connect " + peer + "@" + place)
	p.here.must("state in sync")
	p.there.must("state in sync")
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
	long   bool // only by make links
}

func (p *pairOf) moveHere() {
	p.ip("-n " + nsHere + " addr del 10.91.0.1/24 dev l0")
	p.ip("-n " + nsHere + " addr add 10.91.0.7/24 dev l0")
	p.ip("-n " + nsHere + " route add default via 10.91.0.2")
}

func (p *pairOf) restartThere() {
	p.there.kill()
	p.there.start()
	p.there.must("at ")
}

func (p *pairOf) blockUDP() { p.ip("-n " + nsRouter + " " + nsRule) }

func (p *pairOf) hereIsTold() { p.here.tell("changed") }

var linkEvents = []linkEvent{
	{name: "dialer moves", scheme: "quic", do: (*pairOf).moveHere, long: true},
	{name: "dialer moves and speaks", scheme: "quic", do: (*pairOf).moveHere, first: true},
	{name: "dialer moves and is told", scheme: "quic", told: true, do: func(p *pairOf) { p.moveHere(); p.hereIsTold() }},
	{name: "dialer moves, TCP", scheme: "tcp", long: true, do: (*pairOf).moveHere},
	{name: "dialer moves and is told, TCP", scheme: "tcp", told: true, do: func(p *pairOf) { p.moveHere(); p.hereIsTold() }},
	{name: "listener comes back", scheme: "quic", do: (*pairOf).restartThere, long: true},
	{name: "listener comes back, and dialer speaks", scheme: "quic", do: (*pairOf).restartThere, first: true},
	{name: "listener comes back, TCP", scheme: "tcp", do: (*pairOf).restartThere, first: true},
	{name: "UDP is blocked", do: (*pairOf).blockUDP, first: true},
	{name: "UDP is blocked, and listener speaks", do: (*pairOf).blockUDP, long: true},
}

// TestLinks: an event gets through soon after whatever happened to the network.
func TestLinks(t *testing.T) {
	for _, e := range linkEvents {
		t.Run(e.name, func(t *testing.T) {
			if e.long && os.Getenv("XF_LINKS") == "" || testing.Short() {
				t.Skip("make links runs it")
			}
			p, limit := newPair(t, e.scheme), linkLimit
			if e.told {
				limit = toldLimit
			}
			since := time.Now()
			e.do(p)
			if e.first {
				p.arrives(p.here, p.there, since, limit)
				return
			}
			p.arrives(p.there, p.here, since, limit) // here has nothing to say that would show the way
			p.arrives(p.here, p.there, since, limit)
		})
	}
}
