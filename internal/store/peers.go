// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Peers calls fn with the row of each remembered peer. Its content is package
// peerbook's.
func (s *Store) Peers(fn func(p identity.PeerID, row []byte) error) error {
	return s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Peers, func(p identity.PeerID, row []byte) error { return fn(p, bytes.Clone(row)) })
	})
}

// PeerRows are rows of peers, by peer; one that is nil is deleted.
type PeerRows map[identity.PeerID][]byte

func (r PeerRows) write(c *Committer, t *aof.Txn) error {
	for p, row := range r {
		put := deleteOf(layout.Peers, p)
		if row != nil {
			put = putOf(layout.Peers, p, row)
		}
		if err := put.write(c, t); err != nil {
			return err
		}
	}
	return nil
}

func (r PeerRows) made(*Store) error { return nil }
