// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"sync"
	"testing"
	"time"
)

// Must fails the test if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Await waits until something is so, and fails the test if it is not in 20 seconds.
func Await(t testing.TB, done func() bool) {
	t.Helper()
	AwaitWithin(t, 20*time.Second, done)
}

// AwaitWithin is Await with another limit.
func AwaitWithin(t testing.TB, limit time.Duration, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen in %v", limit)
		}
	}
}

// Each calls f for 0 to n-1, many at once.
func Each(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 64 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
