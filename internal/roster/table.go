// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"iter"
	"maps"
	"sync/atomic"
)

// A table is a map of which a copy costs little: the rows that both have stand in one map,
// and each keeps what it sets later beside that. Nothing is ever deleted. Like a map it is
// read by any number of goroutines, or written by one; it may be copied while it is read.
type table[K comparable, V any] struct {
	rows *rows[K, V]
	own  map[K]V // set since rows was shared
}

type rows[K comparable, V any] struct {
	all    map[K]V
	shared atomic.Bool // with another table: all is not written to any more
}

func newTable[K comparable, V any]() table[K, V] {
	return table[K, V]{rows: &rows[K, V]{all: map[K]V{}}}
}

// clone returns a copy.
func (t *table[K, V]) clone() table[K, V] {
	t.rows.shared.Store(true)
	return table[K, V]{t.rows, maps.Clone(t.own)}
}

func (t *table[K, V]) get(k K) (v V, ok bool) {
	if v, ok = t.own[k]; !ok {
		v, ok = t.rows.all[k]
	}
	return v, ok
}

// at returns the row of k, or the zero value.
func (t *table[K, V]) at(k K) V {
	v, _ := t.get(k)
	return v
}

func (t *table[K, V]) set(k K, v V) {
	if !t.rows.shared.Load() {
		t.rows.all[k] = v
		return
	}
	if t.own == nil {
		t.own = map[K]V{}
	}
	if t.own[k] = v; len(t.own)*len(t.own) > minOwn*minOwn+4*len(t.rows.all) {
		all := maps.Clone(t.rows.all)
		maps.Copy(all, t.own)
		t.rows, t.own = &rows[K, V]{all: all}, nil
	}
}

// minOwn is how many rows a table keeps for itself at least before it has a map of its own
// made. That grows with the root of all rows: a copy costs that much, and making the map
// anew, spread over the rows that it takes, no more.
const minOwn = 16

// each yields all rows in no order.
func (t *table[K, V]) each() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range t.own {
			if !yield(k, v) {
				return
			}
		}
		for k, v := range t.rows.all {
			if _, newer := t.own[k]; !newer && !yield(k, v) {
				return
			}
		}
	}
}
