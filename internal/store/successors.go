// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A SuccessorKept is the change that keeps a key by which this store's person is a
// successor.
type SuccessorKept struct {
	Key  roster.Key // its public half
	seed identity.Secret
}

// NewSuccessorKey returns the change that keeps a new key.
func NewSuccessorKey() (*SuccessorKept, error) {
	seed, err := identity.NewSecret(nil)
	if err != nil {
		return nil, err
	}
	return &SuccessorKept{Key: identity.PublicKey(ed25519.NewKeyFromSeed(seed[:])), seed: seed}, nil
}

func (k *SuccessorKept) write(_ *Committer, txn *aof.Txn) error {
	return aof.PutRow(txn, layout.SuccessorKeys, [identity.KeyBytes]byte(k.Key), k.seed)
}

func (k *SuccessorKept) made(*Store) error { return nil }

// SuccessorKeyOf returns the key that this store keeps of one of genesis' successors, or
// nil if it keeps none.
func (s *Store) SuccessorKeyOf(g *identity.Genesis) (key ed25519.PrivateKey, err error) {
	err = s.aof.View(func(v *aof.View) error {
		for _, k := range g.Successors {
			seed, found, err := aof.Row(v, layout.SuccessorKeys, k)
			if err != nil {
				return err
			}
			if found {
				key = ed25519.NewKeyFromSeed(seed[:])
				return nil
			}
		}
		return nil
	})
	return key, err
}

// RosterAt returns a topic's roster as it was at the end of a part of one of its legs. The
// error is roster.ErrPosition if that part is not held, or is none of the chain that
// counts. The state is the caller's.
func (s *Store) RosterAt(topic digest.Hash, p roster.Prefix) (*roster.State, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	legs, err := s.legs(t)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(legs, func(l *Log) bool { return l.ID == p.Log })
	if at < 0 {
		return nil, roster.ErrPosition
	}
	var held []roster.HeldLeg
	for _, l := range legs {
		if l.Number > legs[at].Number || l.Number == legs[at].Number && l != legs[at] {
			continue // behind it, or beside it
		}
		raw, err := s.rawRecords(l)
		if err != nil {
			return nil, err
		}
		if l == legs[at] {
			raw = raw[:min(p.Size, uint64(len(raw)))]
		}
		held = append(held, roster.HeldLeg{LegID: legOf(l.Name()), Records: raw})
	}
	st, err := roster.Choose(t.ID, t.Genesis.Append(nil), held)
	if err == nil && st.Prefix() != p {
		err = roster.ErrPosition
	}
	return st, err
}
