// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Peers calls fn with the row of each remembered peer. What is in it is package
// peerbook's.
func (s *Store) Peers(fn func(p identity.PeerID, row []byte) error) error {
	return peersIn(s.aof, fn)
}

func peersIn(a *aof.Store, fn func(p identity.PeerID, row []byte) error) error {
	return a.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Peers, func(p identity.PeerID, row []byte) error { return fn(p, bytes.Clone(row)) })
	})
}

// PutPeers writes rows of peers, and deletes those that are nil, in one commit.
func (s *Store) PutPeers(rows map[identity.PeerID][]byte) error {
	if len(rows) == 0 {
		return nil
	}
	return s.aof.Commit(func(t *aof.Txn) error {
		for p, row := range rows {
			if row == nil {
				if err := aof.DeleteRow(t, layout.Peers, p); err != nil {
					return err
				}
			} else if err := aof.PutRow(t, layout.Peers, p, row); err != nil {
				return err
			}
		}
		return nil
	})
}
