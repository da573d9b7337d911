// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Work runs once each, whatever is idle, also while others begin and when the last
// goroutine is told to end; then none is left.
func TestWorkersRunEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := &workers{}
	var all sync.WaitGroup
	var mu sync.Mutex // guards ran
	ran := map[int]int{}
	for i := range 2000 {
		all.Add(1)
		w.Schedule(func() {
			defer all.Done()
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			ran[i]++
		})
		if i == 1500 {
			w.close()
		}
	}
	all.Wait()
	for i := range 2000 {
		if ran[i] != 1 {
			t.Errorf("work %d ran %d times", i, ran[i])
		}
	}
	if len(w.idle) > maxIdle {
		t.Errorf("%d are idle, at most %d", len(w.idle), maxIdle)
	}
}
