// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"syscall"
	"testing"
	"time"
)

// A silence is a way for a peer to say nothing any more.
type silence struct {
	name   string
	scheme string
	begin  func(p *pairOf)
	asked  func(p *pairOf) []*linkNode // whose status is looked at
	long   bool                        // only by make links
}

func (p *pairOf) stopThere() { p.there.signal(syscall.SIGSTOP) }

// cutWires lets the router pass nothing on, which neither machine notices.
func (p *pairOf) cutWires() {
	p.ip("-n " + nsRouter + " rule add priority 1 blackhole")
}

func onlyHere(p *pairOf) []*linkNode  { return []*linkNode{p.here} }
func eachOfTwo(p *pairOf) []*linkNode { return []*linkNode{p.here, p.there} }

var silences = []silence{
	{"the network is gone, QUIC", "quic", (*pairOf).cutWires, eachOfTwo, false},
	{"the network is gone, TCP", "tcp", (*pairOf).cutWires, eachOfTwo, true},
	{"the process is stopped, QUIC", "quic", (*pairOf).stopThere, onlyHere, true},
	{"the process is stopped, TCP", "tcp", (*pairOf).stopThere, onlyHere, true}, // its kernel acknowledges
}

// TestSilentIsNotInSync: nobody says that it is in sync with a peer of which nothing
// came for linkLimit.
func TestSilentIsNotInSync(t *testing.T) {
	for _, e := range silences {
		t.Run(e.name, func(t *testing.T) {
			if e.long && !all() || testing.Short() {
				t.Skip("make links runs it")
			}
			p := newPair(t, linkEvent{scheme: e.scheme})
			e.begin(p)
			since := time.Now()
			asked := e.asked(p)
			for _, n := range asked {
				if got := n.status(); got != "in sync" {
					t.Fatalf("%s is %q before the silence can be noticed", n.ns, got)
				}
			}
			time.Sleep(time.Until(since.Add(linkLimit)))
			for time.Since(since) < linkLimit+15*time.Second { // long enough for a claim that comes and goes
				for _, n := range asked {
					if got := n.status(); got == "in sync" {
						t.Fatalf("%s says that it is in sync %v after the last word of its peer", n.ns, time.Since(since).Round(time.Millisecond))
					}
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
}

// status is what the node says of the other one now.
func (n *linkNode) status() string {
	n.t.Helper()
	n.tell("status")
	return n.must("status ")
}
