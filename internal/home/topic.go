// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A Topic is what the devices of a person say of a topic.
type Topic struct {
	ID      digest.Hash
	Genesis *identity.Genesis
	by      map[roster.Key]*Statement // the newest of each device
	boxes   map[roster.Key][][]byte   // of each account
}

// Of returns what a device said last of the topic, or nil.
func (t *Topic) Of(device roster.Key) *Statement { return t.by[device] }

// Default reports whether a device says that it is its default topic.
func (t *Topic) Default() bool {
	for _, s := range t.by {
		if s.Default {
			return true
		}
	}
	return false
}

// Left reports whether all devices that were in the topic left it.
func (t *Topic) Left() bool {
	for _, s := range t.by {
		if !s.Left {
			return false
		}
	}
	return true
}

// Keys returns the keys with the newest position of a roster that somebody said.
func (t *Topic) Keys() (identity.TopicKeys, *identity.Position) {
	newest := t.newest(func(a, b *Statement) int {
		return cmp.Or(ComparePositions(a.Roster, b.Roster), bytes.Compare(a.Keys.Join[:], b.Keys.Join[:]))
	})
	return newest.Keys, newest.Roster
}

// ComparePositions tells which of two positions of rosters is later; nil is before all.
func ComparePositions(a, b *identity.Position) int {
	if a == nil || b == nil {
		return cmp.Compare(there(a), there(b))
	}
	return cmp.Or(cmp.Compare(a.Term, b.Term), cmp.Compare(a.Leg, b.Leg), cmp.Compare(a.Size, b.Size))
}

func there(p *identity.Position) int {
	if p == nil {
		return 0
	}
	return 1
}

// Name returns the name that was given last, and when.
func (t *Topic) Name() (name string, named uint64) {
	s := t.newest(func(a, b *Statement) int {
		return cmp.Or(cmp.Compare(a.Named, b.Named), cmp.Compare(a.Name, b.Name))
	})
	return s.Name, s.Named
}

// newest returns the largest statement.
func (t *Topic) newest(compare func(a, b *Statement) int) (newest *Statement) {
	for _, s := range t.by {
		if newest == nil || compare(s, newest) > 0 {
			newest = s
		}
	}
	return newest
}

// Accounts returns the accounts that the person has in the topic, by rising key.
func (t *Topic) Accounts() []roster.Key {
	all := map[roster.Key]bool{}
	for _, s := range t.by {
		if !s.Account.IsZero() {
			all[s.Account] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b roster.Key) int { return bytes.Compare(a[:], b[:]) })
}

// Boxes returns what the secret of an account was boxed in, at most 8 of them. A device
// that was stolen may have said others than the right one.
func (t *Topic) Boxes(account roster.Key) [][]byte { return t.boxes[account] }

// Places returns where peers of the topic may be found, at most 8, by turns of each
// device's first, second and so on.
func (t *Topic) Places() (all []identity.Address) {
	devices := slices.SortedFunc(maps.Keys(t.by), func(a, b roster.Key) int { return bytes.Compare(a[:], b[:]) })
	for i := range MaxPlaces {
		for _, d := range devices {
			if s := t.by[d]; i < len(s.Places) && len(all) < MaxPlaces && !slices.Contains(all, s.Places[i]) {
				all = append(all, s.Places[i])
			}
		}
	}
	return all
}
