// SPDX-License-Identifier: MPL-2.0

package swarm

import "testing"

// A buffer is used again if it has room, by one at a time, and few and small ones are kept.
func TestSpareBuffers(t *testing.T) {
	var s spare
	if s.take(1) != nil {
		t.Error("a buffer before there was any")
	}
	for range 2 * spareBuffers {
		s.put(make([]byte, 100))
	}
	s.put(make([]byte, spareBytes+1))
	if s.take(101) != nil {
		t.Error("a buffer without room, or one that is too large to be kept")
	}
	n := 0
	for b := s.take(100); b != nil; b = s.take(100) {
		n++
	}
	if n != spareBuffers {
		t.Errorf("%d buffers were kept, want %d", n, spareBuffers)
	}
}
