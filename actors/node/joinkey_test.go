// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A topic of which a store gets another join key is offered anew in sessions that are open,
// so that peers without it share it no more, and those who have it do.
func TestAnotherJoinKeyInOpenSessions(t *testing.T) {
	keys := identity.TopicKeys{Lobby: identity.Secret{1}, Join: identity.Secret{2}}
	genesis := &identity.Genesis{
		Policy: identity.PolicySealed, Owner: identity.PublicKey(identity.AccountSecret{Secret: identity.Secret{3}}.Key()), LobbyHash: identity.LobbyHash(keys.Lobby),
	}
	identity.Seed{4}.Found(identity.Generation{}, genesis)
	net := transport.NewMemory(transport.MemoryOptions{})
	var all [2]*member
	for i := range all {
		all[i] = memberWith(t, byte(1+i), func(c *node.Config) {
			c.Carrier = net.Node(c.Store.Device().PeerID())
			if _, err := c.Store.Join(genesis, keys, ""); err != nil {
				t.Fatal(err)
			}
		})
	}
	rekey := func(i int, join identity.Secret) {
		keys := keys
		keys.Join = join
		if err := all[i].n.Pipeline().Do(t.Context(), all[i].st.NewJoin(genesis, keys, "")); err != nil {
			t.Fatal(err)
		}
		all[i].n.Mesh().TopicsChanged()
	}
	shared := func(want int) {
		t.Helper()
		eventually(t, func() string {
			for i, m := range all {
				if n := len(m.n.Mesh().Sharing(genesis.ID())); n != want {
					return fmt.Sprintf("side %d shares the topic in %d sessions, want %d", i, n, want)
				}
				if n := len(m.n.Mesh().Sharing(testTopic.ID())); n != 1 {
					return fmt.Sprintf("side %d shares the other topic in %d sessions", i, n)
				}
			}
			return ""
		})
	}
	at := all[0].listen("a:1")
	if err := all[1].n.Mesh().KeepConnected(at); err != nil {
		t.Fatal(err)
	}
	shared(1)
	session := all[0].n.Mesh().Live()[0]
	for i := range all {
		join := identity.Secret{9, byte(i)}
		rekey(i, join)
		shared(0)
		rekey(1-i, join)
		shared(1)
	}
	if now := all[0].n.Mesh().Live(); len(now) != 1 || now[0] != session {
		t.Errorf("the session did not last: %v", now)
	}
}
