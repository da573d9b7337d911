// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"bytes"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
)

// Peers returns the connected peers, ordered by id.
func (n *Mesh) Peers() []session.PeerStatus {
	var all []session.PeerStatus
	for _, s := range n.Live() {
		p := s.Status()
		p.PeerTwin, p.OwnTwin = n.twins.seen(p.Peer)
		all = append(all, p)
	}
	slices.SortFunc(all, byPeer)
	return all
}

func byPeer(x, y session.PeerStatus) int { return bytes.Compare(x.Peer[:], y.Peer[:]) }

// Known returns the connected peers, with what is remembered of them, and the others
// that are remembered, each ordered by id.
func (n *Mesh) Known() (here, away []session.PeerStatus) {
	here = n.Peers()
	at := map[identity.PeerID]int{}
	for i := range here {
		at[here[i].Peer] = i
	}
	now := time.Now()
	n.dir.mu.Lock()
	n.dir.book.All(func(e peerbook.Entry) bool {
		if i, ok := at[e.Peer]; ok {
			here[i].Kept = e.Kept
			if here[i].LastError == "" && !e.Missed {
				here[i].LastError, here[i].LastErrorAt = e.LastError, e.Erred
			}
			return true
		}
		p := n.dir.away(e, now)
		n.lackingOf(&p)
		away = append(away, p)
		return true
	})
	n.dir.mu.Unlock()
	away = n.twinsAway(away, at)
	slices.SortFunc(away, byPeer)
	return here, away
}

// twinsAway says which of the peers that are away are twins, and adds those that
// nobody remembers otherwise; at are the ones that are connected.
func (n *Mesh) twinsAway(away []session.PeerStatus, at map[identity.PeerID]int) []session.PeerStatus {
	for _, id := range n.twins.all() {
		if _, here := at[id]; here {
			continue
		}
		i := slices.IndexFunc(away, func(p session.PeerStatus) bool { return p.Peer == id })
		if i < 0 {
			i, away = len(away), append(away, session.PeerStatus{Peer: id, State: session.PeerKnown})
		}
		away[i].PeerTwin, away[i].OwnTwin = n.twins.seen(id)
	}
	return away
}

// away is what is known of a peer that is not connected; mu is held.
func (d *directory) away(e peerbook.Entry, now time.Time) session.PeerStatus {
	p := session.PeerStatus{Peer: e.Peer, State: session.PeerKnown, Kept: e.Kept, Since: e.Seen, Heard: e.Seen, LastError: e.LastError, LastErrorAt: e.Erred}
	if len(e.Places) > 0 {
		p.Address = e.Places[0].Host
	}
	switch {
	case d.dialing[e.Peer] != nil:
		p.State = session.PeerDialing
	case e.Next.After(now) && d.active:
		p.State, p.NextTry = session.PeerPausing, e.Next
	}
	return p
}
