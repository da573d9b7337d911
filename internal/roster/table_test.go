// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
)

// Tables and copies of them, against maps that are copied whole.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tables, twins := []table[int, int]{newTable[int, int]()}, []map[int]int{{}}
	for n := range 30_000 {
		i := rng.IntN(len(tables))
		switch {
		case rng.IntN(100) > 0:
			k := rng.IntN(1000)
			tables[i].set(k, n)
			twins[i][k] = n
		case len(tables) < 20:
			tables, twins = append(tables, tables[i].clone()), append(twins, maps.Clone(twins[i]))
		default:
			j := rng.IntN(len(tables))
			tables[j], twins[j] = tables[i].clone(), maps.Clone(twins[i])
		}
		if k := rng.IntN(1000); tables[i].at(k) != twins[i][k] {
			t.Fatalf("step %d: row %d is %d, want %d", n, k, tables[i].at(k), twins[i][k])
		}
	}
	for i := range tables {
		rows := 0
		for k, v := range tables[i].each() {
			if rows++; v != twins[i][k] {
				t.Errorf("row %d is %d, want %d", k, v, twins[i][k])
			}
		}
		if rows != len(twins[i]) || len(tables[i].own) > 2*32+minOwn {
			t.Errorf("%d rows, want %d; %d of its own", rows, len(twins[i]), len(tables[i].own))
		}
		for range tables[i].each() {
			break
		}
	}
}

// A table is copied and read by many while its copies go on.
func TestTableIsShared(t *testing.T) {
	one := newTable[int, int]()
	for k := range 100 {
		one.set(k, k)
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			mine := one.clone()
			for k := range 300 {
				mine.set(k, n)
			}
			for k := range 100 {
				if one.at(k) != k || mine.at(k) != n {
					t.Errorf("row %d is %d, and %d in a copy", k, one.at(k), mine.at(k))
				}
			}
		})
	}
	wg.Wait()
}
