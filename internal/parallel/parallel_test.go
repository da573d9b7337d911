// SPDX-License-Identifier: MPL-2.0

package parallel

import (
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	for n := range 100 {
		calls := make([]atomic.Int32, n)
		Each(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if c := calls[i].Load(); c != 1 {
				t.Fatalf("of %d: %d calls with %d", n, c, i)
			}
		}
	}
}
