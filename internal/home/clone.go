// SPDX-License-Identifier: MPL-2.0

package home

import (
	"maps"
	"slices"
)

// Clone returns a copy of s that stays as it is when s hears more.
func (s *State) Clone() *State {
	c := *s
	c.topics = copied(s.topics, (*Topic).clone)
	c.cards, c.gone = copied(s.cards, maps.Clone), maps.Clone(s.gone)
	c.grants, c.keys = copied(s.grants, slices.Clone), copied(s.keys, slices.Clone)
	c.petnames = copied(s.petnames, maps.Clone)
	return &c
}

func (t *Topic) clone() *Topic {
	c := *t
	c.by, c.boxes = maps.Clone(t.by), copied(t.boxes, slices.Clone)
	return &c
}

// copied returns a map of which each value is a copy.
func copied[K comparable, V any](all map[K]V, one func(V) V) map[K]V {
	c := make(map[K]V, len(all))
	for k, v := range all {
		c[k] = one(v)
	}
	return c
}
