// SPDX-License-Identifier: MPL-2.0

// Package parallel does independent pieces of work on all processors: signatures to verify,
// boxes to seal.
//
// Rule: it knows nothing of the work. Whoever calls it waits for all of it, and the pieces
// share nothing but what they only read.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls do with 0 to n-1, as many at a time as there are processors, and returns once
// all calls have.
func Each(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
