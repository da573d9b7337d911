// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/messages"
)

// writeSome appends events of all kinds of sizes to logs of a node's authors.
func (n *simNet) writeSome(node *simNode, index, events int) {
	for i := range events {
		size := n.r.IntN(300)
		switch n.r.IntN(8) {
		case 0:
			size = 1000 + n.r.IntN(3000)
		case 1:
			size = 4000 + n.r.IntN(9000)
		}
		l := node.own(byte(10*(index+1) + n.r.IntN(3)))
		l.write(size, fmt.Sprint("node ", index, " event ", i))
		node.wrote(l)
	}
}

func (n *simNet) sameEverywhere() {
	n.t.Helper()
	want, _ := n.nodes[0].Summary(twinTopic.ID())
	for i, node := range n.nodes {
		if got, _ := node.Summary(twinTopic.ID()); got != want {
			n.t.Fatalf("all agree, and node %d holds other events than node 0", i)
		}
	}
}

// Whatever was written where, live or offline, and whatever broke meanwhile,
// all nodes of a line end with the same events, verified, whichever rung the
// connections begin with.
func TestConvergence(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := newSimNet(t, seed, 2+int(seed%2))
			n.first = func(conn int) messages.Rung { return messages.Rung((uint64(conn) + seed) % 4) }
			for i, node := range n.nodes {
				n.writeSome(node, i, n.r.IntN(60))
			}
			for i := range len(n.nodes) - 1 {
				n.link(n.nodes[i], n.nodes[i+1])
			}
			n.settle()
			n.sameEverywhere()
			for range 3 {
				n.disturb()
				n.fail = 0
				n.settle()
				n.sameEverywhere()
			}
		})
	}
}

// disturb writes in the middle of rounds, lets ingests fail, and cuts sessions.
func (n *simNet) disturb() {
	n.fail = float64(n.r.IntN(3)) * 0.2
	for range 1 + n.r.IntN(6) {
		i := n.r.IntN(len(n.nodes))
		n.writeSome(n.nodes[i], i, n.r.IntN(8))
		for range n.r.IntN(40) {
			n.step()
		}
		if n.r.IntN(4) == 0 {
			n.cutAll()
		}
	}
}

// Many pages are pulled and not pushed, in both directions at once, through a
// node in the middle, while transfers break.
func TestConvergenceByPages(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := newSimNet(t, seed, 3)
			for i, node := range n.nodes {
				l := node.own(byte(10 * (i + 1)))
				for j := range 150 + n.r.IntN(100) {
					l.add(twinRecord(500+n.r.IntN(3000), fmt.Sprint(i, " ", j)))
					if n.r.IntN(40) == 0 {
						l.add(twinRecord(5000+n.r.IntN(20000), fmt.Sprint("large ", j)))
					}
				}
				l.SignAll()
			}
			n.link(n.nodes[0], n.nodes[1])
			n.link(n.nodes[1], n.nodes[2])
			n.disturb()
			n.fail = 0
			n.settle()
			n.sameEverywhere()
			if n.pulls < 4 {
				t.Errorf("%d transfers, want one for each log and direction at least", n.pulls)
			}
		})
	}
}

// Equal stores say so in about a hundred bytes of PEAKS, whatever they hold.
func TestEqualStores(t *testing.T) {
	n := newSimNet(t, 1, 2)
	for i, node := range n.nodes {
		n.writeSome(node, i, 50)
	}
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	n.cutAll()
	n.settle()
	hello := 190 // HELLO with one topic proof
	for _, e := range n.ends {
		if e.sent > hello+100 {
			t.Errorf("%d bytes between equal stores", e.sent)
		}
	}
	if trips := n.ends[0].s.RoundTrips(); trips > 3 {
		t.Errorf("%d round trips between equal stores", trips)
	}
}
