// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A sealedTopic is one whose steward is the device of seed 1; the accounts of seeds 2 and 3
// are admitted, and that of 3 is removed.
type sealedTopic struct {
	t       *testing.T
	genesis *identity.Genesis
	keys    identity.TopicKeys
	steward ed25519.PrivateKey
	records [][]byte
	leaves  []digest.Hash
}

func account(seed byte) ed25519.PrivateKey {
	return identity.AccountSecret{Secret: identity.Secret{seed, 5}}.Key()
}

func newSealedTopic(t *testing.T, device func(seed byte, g *identity.Genesis) ed25519.PrivateKey, steward identity.Device) *sealedTopic {
	s := &sealedTopic{t: t, keys: identity.TopicKeys{Lobby: identity.Secret{1}, Join: identity.Secret{2}}}
	s.genesis = &identity.Genesis{Policy: identity.PolicySealed, Owner: identity.PublicKey(account(1)), LobbyHash: identity.LobbyHash(s.keys.Lobby)}
	s.steward = steward.Seed.Found(steward.Generation, s.genesis)
	admit := func(role roster.Role, seed byte) *roster.Admit {
		d := device(seed, s.genesis)
		k := roster.Card{Account: identity.PublicKey(account(seed)), Device: identity.PublicKey(d), PageBytes: 4096}
		k.KEM, k.AccountKEM = bytes.Repeat([]byte{seed}, roster.KEMBytes), bytes.Repeat([]byte{seed + 50}, roster.KEMBytes)
		return &roster.Admit{Role: role, Card: roster.SignCard(s.genesis.ID(), k, account(seed), d)}
	}
	s.write(&roster.Founding{Body: s.genesis.Append(nil)})
	s.write(admit(roster.Owner, 1))
	s.write(admit(roster.Writer, 2))
	s.write(admit(roster.Writer, 3))
	s.write(&roster.Remove{Target: roster.Target{Account: identity.PublicKey(account(3))}})
	return s
}

func (s *sealedTopic) write(r roster.Record) {
	body, err := roster.Encode(nil, r)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := event.AppendRecord(nil, event.Event{Type: r.Type(), Payload: body}, 1, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	rec, _, err := event.DecodeRecord(b)
	if err != nil {
		s.t.Fatal(err)
	}
	s.records, s.leaves = append(s.records, b), append(s.leaves, rec.LeafHash())
}

// hold gives a store the first size records of the roster, before its node runs.
func (s *sealedTopic) hold(st *store.Store, size int, join identity.Secret) {
	keys := s.keys
	keys.Join = join
	if _, err := st.Join(s.genesis, keys, ""); err != nil {
		s.t.Fatal(err)
	}
	leg := identity.RosterLog(s.genesis.ID(), s.genesis.Steward, 0, 0)
	r, err := merkleindex.RangeOf(0, s.leaves[:size])
	if err != nil {
		s.t.Fatal(err)
	}
	var m mmrindex.Peaks
	if err := m.Merge(r, nil); err != nil {
		s.t.Fatal(err)
	}
	a := &messages.Append{
		Log: leg.ID(), Create: &messages.NewLog{LogName: leg}, Records: bytes.Join(s.records[:size], nil), Leaves: s.leaves[:size],
		Remote: &messages.Proven{Head: proof.Sign(s.steward, leg.ID(), uint64(size), m.Root()), Root: m.Root(), Time: 1}, Done: func(error) {},
	}
	done, err := st.NewCommitter().Commit(&store.Work{Appends: []*messages.Append{a}})
	if err != nil || done.Appends[0].Refused != nil {
		s.t.Fatal(err, done)
	}
}

func (s *sealedTopic) size(m *member) uint64 {
	p, err := m.st.Source().Position(s.genesis.ID())
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Size
}

// Nodes with two join keys show certificates: one that was away gets the roster, and goes
// on once it has the new join key; one that was removed gets it too, and then nothing. The
// session goes on with the other topic of both.
func TestCertificatesBetweenNodes(t *testing.T) {
	for name, c := range map[string]struct {
		seed    byte
		dials   bool
		removed bool
	}{"away": {2, true, false}, "away, and listens": {2, false, false}, "removed": {3, true, true}, "removed, and listens": {3, false, true}} {
		t.Run(name, func(t *testing.T) {
			net := transport.NewMemory(transport.MemoryOptions{})
			devices := map[byte]identity.Device{}
			var s *sealedTopic
			var stores []*store.Store
			for _, seed := range []byte{1, c.seed} {
				stores = append(stores, newStoreOf(t, seed))
				devices[seed] = stores[len(stores)-1].Device()
			}
			devices[5-c.seed] = identity.Device{Seed: identity.Seed{5 - c.seed}}
			s = newSealedTopic(t, func(seed byte, g *identity.Genesis) ed25519.PrivateKey { d := devices[seed]; return d.AuthorKey(g) }, devices[1])
			newKey := identity.Secret{9}
			s.hold(stores[0], len(s.records), newKey)
			s.hold(stores[1], len(s.records)-1, s.keys.Join)
			var all [2]*member
			for i, st := range stores {
				all[i] = startMemberWith(t, st, func(o *node.Config) { o.Carrier = net.Node(st.Device().PeerID()) })
			}
			from, to := all[1], all[0]
			if !c.dials {
				from, to = to, from
			}
			if err := from.n.Mesh().KeepConnected(to.listen("x:1")); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() string {
				if n := s.size(all[1]); n != uint64(len(s.records)) {
					return fmt.Sprintf("%d records of the roster came", n)
				}
				return ""
			})
			for _, m := range all {
				if n := len(m.n.Mesh().Sharing(s.genesis.ID())); n != 0 {
					t.Errorf("with two join keys the topic is shared in %d sessions", n)
				}
			}
			keys := s.keys
			keys.Join = newKey
			if err := all[1].n.Pipeline().Do(t.Context(), all[1].st.NewJoin(s.genesis, keys, "")); err != nil {
				t.Fatal(err)
			}
			if gone, err := all[1].st.Certificates().Removed(s.genesis.ID()); gone != c.removed || err != nil {
				t.Errorf("knows that it was removed: %v, %v", gone, err)
			}
			all[1].n.Mesh().TopicsChanged()
			eventually(t, func() string {
				for i, m := range all {
					if len(m.n.Mesh().Sharing(s.genesis.ID())) != 1 || len(m.n.Mesh().Sharing(testTopic.ID())) != 1 {
						return fmt.Sprintf("with one join key side %d does not share both topics", i)
					}
				}
				return ""
			})
		})
	}
}
