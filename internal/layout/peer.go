// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
)

// Peers are the rows of remembered peers. The content of one is package peerbook's.
//
//	key    "peer" 0 | peer id (32)
//	value  see peerbook
var Peers = newTable(
	Kind{Name: "a peer", Bucket: bucketPeers, Prefix: "peer\x00", Salvage: Keep},
	codec[identity.PeerID, []byte]{
		key:        func(p identity.PeerID) []byte { return p[:] },
		value:      func(row []byte) []byte { return row },
		parseKey:   parsePeer,
		parseValue: func(_ identity.PeerID, b []byte) ([]byte, error) { return b, nil },
		verify:     peerbook.CheckRow,
	})

func parsePeer(b []byte) (p identity.PeerID, err error) {
	if err := exactly(b, len(p)); err != nil {
		return p, err
	}
	return identity.PeerID(b), nil
}
