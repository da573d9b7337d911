// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Rule: a store that was restored from a backup and adopted may hold an older copy of a
// roster that it writes, and would fork it. A peer that holds the same may have been away
// for as long as the backup lay there, or may have it from this store: so the roster goes
// on once it has grown by what a peer shows, or a person says that nobody holds more. The
// home topic is none of it, of which no person can say that.

// resumedIn returns the rosters that this device writes, and how much of each is here.
func (s *Store) resumedIn() (map[digest.Hash]identity.Position, error) {
	all := map[digest.Hash]identity.Position{}
	for _, t := range s.AllTopics() {
		if t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) || t.Genesis.Policy.Has(identity.PolicyHome) {
			continue
		}
		err := s.askRoster(t, func(st *roster.State) {
			if p := st.Point(); st.Founded() && st.Steward().Author == s.DeviceKey(t) {
				all[t.ID] = identity.Position{Term: p.Term, Leg: p.Leg, Size: p.Size, Root: p.Root}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func putResumed(txn *aof.Txn, all map[digest.Hash]identity.Position) error {
	for topic, p := range all {
		if err := aof.PutRow(txn, layout.Resumed, topic, p); err != nil {
			return err
		}
	}
	return nil
}

// anyResumed reports whether there is such a roster.
func (s *Store) anyResumed() (any bool, err error) {
	err = s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Resumed, func(digest.Hash, identity.Position) error {
			any = true
			return nil
		})
	})
	return any, err
}

// MayBeBehind reports whether what is here of a topic's roster may be an older copy of what
// this device wrote.
func (s *Store) MayBeBehind(topic digest.Hash, st *roster.State) (behind bool, err error) {
	err = s.aof.View(func(v *aof.View) error {
		p, kept, err := aof.Row(v, layout.Resumed, topic)
		behind = kept && st.Position().Compare(roster.Position{Term: p.Term, Leg: p.Leg, Size: p.Size}) <= 0
		return err
	})
	return behind, err
}

// NewTrusting returns the change after which what is here of a topic's roster counts as the
// newest, as a person says.
func (s *Store) NewTrusting(topic digest.Hash) Change { return deleteOf(layout.Resumed, topic) }
