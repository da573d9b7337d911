// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"crypto/sha256"
	"sync"
	"testing"
)

// Both ways of hashing give what crypto/sha256 gives, at every length around
// the borders of blocks and of the short path, from many goroutines at once.
func TestShortHashesAgainstTheLibrary(t *testing.T) {
	if !trusted {
		t.Error("the state of crypto/sha256 is not read any more: short hashes are slow")
	}
	defer func(was bool) { trusted = was }(trusted)
	for _, trusted = range []bool{true, false} {
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() { compareLengths(t, byte(g)) })
		}
		all.Wait()
	}
}

func compareLengths(t *testing.T, seed byte) {
	b := make([]byte, 2*maxTail)
	for i := range b {
		b[i] = seed + byte(i*7)
	}
	for n := range b {
		if Sum(b[:n]) != sha256.Sum256(b[:n]) {
			t.Errorf("sum of %d bytes", n)
		}
		if Leaf(b[:n]) != sha256.Sum256(append([]byte{0}, b[:n]...)) {
			t.Errorf("leaf of %d bytes", n)
		}
	}
	left, right := Hash(b), Hash(b[Size:])
	if Node(left, right) != sha256.Sum256(append([]byte{1}, b[:2*Size]...)) {
		t.Error("node")
	}
}
