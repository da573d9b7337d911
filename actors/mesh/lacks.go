// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
)

// maxLacks bounds the peers of which it is remembered what they held more of when their
// session ended. With more of them all are forgotten.
const maxLacks = 1024

// leftLacking takes note of what was missing when a session ended; mu is held.
func (d *directory) leftLacking(p identity.PeerID, all []session.LogMissing) {
	delete(d.lacks, p)
	if len(all) == 0 {
		return
	}
	if d.lacks == nil || len(d.lacks) >= maxLacks {
		d.lacks = map[identity.PeerID][]session.LogMissing{}
	}
	d.lacks[p] = all
}

// lackingOf adds to what is said of a peer that is away what it held more of and is not
// here by now; mu is held.
func (n *Mesh) lackingOf(p *session.PeerStatus) {
	for _, m := range n.dir.lacks[p.Peer] {
		if own, found, err := n.Store.Source().Log(m.Log); err == nil && found {
			m.Held = own.Size
		}
		if m.From = (identity.PeerID{}); m.Held < m.Known {
			p.Missing, p.Events = append(p.Missing, m), p.Events+m.Missing()
		}
	}
}
