// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A start of a node that a person gave a hundred peers that are gone, and one that is
// there.
type start struct {
	name  string
	block bool // the router drops UDP
	again bool // the store is that of the start before: it remembers how each went
}

// TestLivePeerNamedLast: the node is in sync with the live one soon after the command
// was started, whichever of these it is.
func TestLivePeerNamedLast(t *testing.T) {
	const dead, limit = 100, 5 * time.Second
	ip := namespaces(t)
	ip("-n " + nsRouter + " route add blackhole 10.94.0.0/16") // without a word to the sender
	live := newProgram(t, nsThere)
	live.do("init", "--open")
	invite := live.do("invite")
	_, at, _ := live.run("--listen", "10.91.1.1:4040")
	peers := []string{"--listen", "10.91.0.1:4041"}
	for i := range dead {
		id := identity.Seed{byte(i), 1, 2}.PeerID(identity.Generation{})
		peers = append(peers, "--peer", fmt.Sprintf("%s@10.94.0.%d:4040", id, i+1))
	}
	peers = append(peers, "--peer", at)

	unblock := sync.OnceFunc(func() { ip("-n " + nsRouter + " " + strings.Replace(nsRule, "add", "del", 1)) })
	var here *program
	var worst time.Duration
	for _, s := range []start{
		{name: "UDP is dropped too", block: true},
		{name: "at first"},
		{name: "again", again: true},
	} {
		if !s.block {
			unblock()
		}
		if !s.again {
			here = newProgram(t, nsHere)
			here.do("join", invite)
		}
		began := time.Now()
		_, _, stop := here.run(peers...)
		storetest.AwaitWithin(t, 4*limit, func() bool { return here.inSync() > 0 })
		took := time.Since(began)
		stop()
		t.Logf("%s: in sync %v after the start", s.name, took.Round(time.Millisecond))
		worst = max(worst, took)
	}
	t.Logf("the worst: %v", worst.Round(time.Millisecond))
	if worst > limit {
		t.Errorf("a live peer behind %d dead ones is connected %v after the start, want at most %v", dead, worst, limit)
	}
}
