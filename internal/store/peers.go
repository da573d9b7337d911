// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/identity"
)

// peerPrefix begins the keys of peer rows, beside those of cursors.
var peerPrefix = []byte("peer\x00")

// Peers calls fn with the row of each remembered peer. What is in it is package
// peerbook's.
func (s *Store) Peers(fn func(p identity.PeerID, row []byte) error) error {
	return peersIn(s.aof, fn)
}

func peersIn(a *aof.Store, fn func(p identity.PeerID, row []byte) error) error {
	return a.View(func(v *aof.View) error {
		return v.ForEach(aof.Peers, peerPrefix, func(key, value []byte) error {
			p, ok := peerOf(string(key))
			if !ok {
				return &CorruptError{Where: "aof, peers", What: fmt.Sprintf("a key of %d bytes", len(key))}
			}
			return fn(p, bytes.Clone(value))
		})
	})
}

// peerOf returns the peer that a row of that key is of.
func peerOf(key string) (p identity.PeerID, ok bool) {
	id, ok := strings.CutPrefix(key, string(peerPrefix))
	if !ok || len(id) != len(p) {
		return p, false
	}
	copy(p[:], id)
	return p, true
}

// PutPeers writes rows of peers, and deletes those that are nil, in one commit.
func (s *Store) PutPeers(rows map[identity.PeerID][]byte) error {
	if len(rows) == 0 {
		return nil
	}
	return s.aof.Commit(func(t *aof.Txn) error {
		for p, row := range rows {
			key := append(bytes.Clone(peerPrefix), p[:]...)
			if row == nil {
				if err := t.Delete(aof.Peers, key); err != nil {
					return err
				}
			} else if err := t.Put(aof.Peers, key, row); err != nil {
				return err
			}
		}
		return nil
	})
}
