// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/race"
)

// shapes are meshes of n nodes, as pairs of those that are linked.
var shapes = map[string]func(s *simNet, n int) [][2]int{
	"line": func(_ *simNet, n int) (links [][2]int) {
		for i := range n - 1 {
			links = append(links, [2]int{i, i + 1})
		}
		return links
	},
	"ring": func(_ *simNet, n int) (links [][2]int) {
		for i := range n {
			links = append(links, [2]int{i, (i + 1) % n})
		}
		return links
	},
	"star": func(_ *simNet, n int) (links [][2]int) {
		for i := 1; i < n; i++ {
			links = append(links, [2]int{0, i})
		}
		return links
	},
	"random": func(s *simNet, n int) (links [][2]int) {
		for i := 1; i < n; i++ {
			links = append(links, [2]int{i, s.r.IntN(i)}) // connected
		}
		for range 2 * n {
			if a, b := s.r.IntN(n), s.r.IntN(n); a != b {
				links = append(links, [2]int{a, b})
			}
		}
		return links
	},
}

// meshNet links n nodes in a shape, each with a log of its own.
func meshNet(t *testing.T, seed uint64, shape string, nodes int) *simNet {
	n := newSimNet(t, seed, nodes)
	linked := map[[2]int]bool{}
	for _, l := range shapes[shape](n, nodes) {
		if l[0] > l[1] {
			l[0], l[1] = l[1], l[0]
		}
		if !linked[l] {
			linked[l] = true
			n.link(n.nodes[l[0]], n.nodes[l[1]])
		}
	}
	return n
}

func (n *simNet) write(i int, what string) {
	l := n.nodes[i].own(byte(i + 1))
	l.write(20, what)
	n.nodes[i].wrote(l)
}

// Whatever the mesh looks like, and whatever broke in it, all of its nodes end
// with the same events once it stops breaking.
func TestMeshConverges(t *testing.T) {
	for shape := range shapes {
		for _, nodes := range []int{3, 9, 64} {
			if nodes == 64 && (race.Enabled || shape != "random" && shape != "line") {
				continue // costs most and shows least; a step function has one goroutine
			}
			t.Run(fmt.Sprint(shape, " of ", nodes), func(t *testing.T) {
				n := meshNet(t, uint64(nodes), shape, nodes)
				for i := range nodes {
					n.write(i, "written while offline")
				}
				n.settle()
				n.sameEverywhere()
				for range max(1, 27/nodes) {
					n.fail = 0.2
					for range 5 {
						n.write(n.r.IntN(nodes), "live")
						for range n.r.IntN(20 * nodes) {
							n.step()
						}
						n.cutSome(4)
					}
					n.fail = 0
					n.settle()
					n.sameEverywhere()
				}
			})
		}
	}
}

// cutSome breaks one of so many links and makes it again.
func (n *simNet) cutSome(oneOf int) {
	for i := 0; i < len(n.ends); i += 2 {
		if n.r.IntN(oneOf) > 0 {
			continue
		}
		for _, e := range n.ends[i : i+2] {
			e.drop()
		}
		a, b := n.ends[i].node, n.ends[i+1].node
		n.ends = append(n.ends[:i], n.ends[i+2:]...)
		n.link(a, b)
	}
}

// In a mesh with many ways from one node to another, links that only repeat
// what came over others become lazy, and events still come everywhere.
func TestMeshPrunes(t *testing.T) {
	const nodes, rounds = 24, 24
	n := meshNet(t, 1, "random", nodes)
	n.settle()
	n.write(0, "the first one floods")
	n.settle()
	first := n.repeated
	n.pushed, n.repeated = 0, 0
	for i := range rounds {
		n.write(i%nodes, "live")
		n.settle()
	}
	n.sameEverywhere()
	links := len(n.ends) / 2
	t.Logf("%d links, %d repeated at first; then %d pushes a round, %d repeated, %d grafts", links, first, n.pushed/rounds, n.repeated, n.grafts)
	if per := float64(n.pushed) / rounds; per > 1.5*(nodes-1) {
		t.Errorf("%.1f pushes for an event, want little more than the %d that it takes", per, nodes-1)
	}
	if n.grafts > rounds {
		t.Errorf("%d links became eager again in %d rounds", n.grafts, rounds)
	}
}

// A node whose only eager link breaks is told of new events by the others, or
// grafts one of them, and misses nothing.
func TestMeshHeals(t *testing.T) {
	n := meshNet(t, 3, "random", 12)
	n.settle()
	for i := range 24 {
		n.write(i%12, "to prune the links")
		n.settle()
	}
	for i := range 12 {
		n.cutSome(3)
		n.write(i, "after links broke")
		n.settle()
		n.sameEverywhere()
	}
}
