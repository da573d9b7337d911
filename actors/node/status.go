// SPDX-License-Identifier: MPL-2.0

package node

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/xaeroflux/xaeroflux/actors/mesh"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A SyncStatus is where a node stands with its peers.
type SyncStatus struct {
	Peers []session.PeerStatus // connected ones first, then by id
	Logs  []session.LogMissing // what is missing, each log once, most first

	Listening []mesh.Listening // where this node listens

	Unshared []identity.TopicID // topics that no connected peer shares, in the order of joining
}

// SyncStatus returns where this node stands. It waits for nobody.
func (n *Node) SyncStatus() SyncStatus {
	here, away := n.mesh.Known()
	all := append(here, away...)
	return SyncStatus{Peers: all, Logs: n.withGaps(missing(all)), Listening: n.mesh.Listening(), Unshared: n.unshared()}
}

// unshared returns the topics that no session shares.
func (n *Node) unshared() (all []identity.TopicID) {
	shared := map[identity.TopicID]bool{}
	for _, s := range n.mesh.Live() {
		for _, t := range s.Topics() {
			shared[t] = true
		}
	}
	for _, t := range n.cfg.Store.Offered() {
		if !shared[t.ID] {
			all = append(all, t.ID)
		}
	}
	return all
}

// withGaps adds the logs that have gaps, and of which no peer was heard to hold more.
func (n *Node) withGaps(all []session.LogMissing) []session.LogMissing {
	st := n.cfg.Store
	for _, id := range st.RangeLogs() {
		l, err := st.Log(id)
		if err != nil || slices.ContainsFunc(all, func(m session.LogMissing) bool { return m.Log == id }) || !st.Follows(l) {
			continue
		}
		m := session.LogMissing{Topic: l.Topic, Log: id, Known: st.Known(l)}
		m.Held = m.Known
		for _, gap := range st.Gaps(l) {
			m.Held -= gap.End - gap.First
		}
		if m.Held < m.Known {
			all = append(all, m)
		}
	}
	return all
}

// missing is what the peers hold more of, each log once, from the peer that
// holds most.
func missing(peers []session.PeerStatus) []session.LogMissing {
	best := map[digest.Hash]session.LogMissing{}
	for _, p := range peers {
		for _, m := range p.Missing {
			old, ok := best[m.Log]
			if ok && m.Since.After(old.Since) {
				m.Since = old.Since
			}
			if ok && old.Known >= m.Known {
				old.Since, m = m.Since, old
				m.Since = old.Since
			}
			best[m.Log] = m
		}
	}
	all := make([]session.LogMissing, 0, len(best))
	for _, m := range best {
		all = append(all, m)
	}
	slices.SortFunc(all, func(x, y session.LogMissing) int {
		if c := cmp.Compare(y.Missing(), x.Missing()); c != 0 {
			return c
		}
		return bytes.Compare(x.Log[:], y.Log[:])
	})
	return all
}
