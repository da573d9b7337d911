// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"math/rand/v2"
	"slices"

	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/store"
)

// offered returns the topics that a session with a peer begins with: all, or of
// more than a session can share the default one, those that were shared with
// the peer before, and some of the others. Those are others in each session, so
// that what two peers share is found in one of them.
func (n *Node) offered(peer identity.PeerID) []*store.Topic {
	all := n.cfg.Store.Topics()
	if len(all) <= messages.MaxTopics {
		return all
	}
	history := n.cfg.Store.Source()
	known, rest := all[:1:1], make([]*store.Topic, 0, len(all))
	for _, t := range all[1:] {
		if history.Met(peer, t.ID) {
			known = append(known, t)
		} else {
			rest = append(rest, t)
		}
	}
	rand.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	n.cfg.Logger.Info("more topics than a session can share: some are offered to this peer, others in its next session",
		zap.String("peer", peer.Short()), zap.Int("topics", len(all)), zap.Int("shared before", len(known)-1))
	return slices.Concat(known, rest)[:messages.MaxTopics]
}
