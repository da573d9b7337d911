// SPDX-License-Identifier: MPL-2.0

package swarm

import "sync"

// Bounds of a spare: of a fetch, and until it ends.
const (
	spareBuffers = 8
	spareBytes   = 4 << 20 // of one
)

// A spare is buffers of runs of pages: those that they were read into and that are verified
// and copied by now, and those that were stored. The next run is read or copied into one: to
// make room for each anew, as its bytes arrive, costs as much as to write it.
type spare struct {
	mu  sync.Mutex // guards all
	all [][]byte
}

// take returns a buffer with room for n bytes, or nil.
func (s *spare) take(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, b := range s.all {
		if last := len(s.all) - 1; cap(b) >= n {
			s.all[i], s.all[last] = s.all[last], nil
			s.all = s.all[:last]
			return b
		}
	}
	return nil
}

// put gives a buffer that nobody reads any more.
func (s *spare) put(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) < spareBuffers && cap(b) <= spareBytes {
		s.all = append(s.all, b)
	}
}
