// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"errors"
	"sync"

	"github.com/libp2p/go-yamux/v5"
)

// errBudget keeps a window as it is; nobody outside sees it.
var errBudget = errors.New("the connection's windows are as large as they may be")

// A budget is what the windows of one connection may still grow by. The first
// window of a stream is not counted: the number of streams bounds those.
type budget struct {
	mu   sync.Mutex // guards left
	left int
}

// span is yamux's question for the memory of a new stream.
func (b *budget) span() (yamux.MemoryManager, error) { return &span{budget: b}, nil }

// A span is the part of the budget that one stream has.
type span struct {
	budget *budget
	taken  int
}

// firstWindow is the priority that yamux gives to a stream's first window.
const firstWindow = 255

// ReserveMemory implements yamux.MemoryManager.
func (s *span) ReserveMemory(size int, priority uint8) error {
	if priority == firstWindow {
		return nil
	}
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	if size > s.budget.left {
		return errBudget
	}
	s.budget.left -= size
	s.taken += size
	return nil
}

// ReleaseMemory implements yamux.MemoryManager; yamux does not use it.
func (s *span) ReleaseMemory(size int) {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	size = min(size, s.taken)
	s.taken -= size
	s.budget.left += size
}

// Done implements yamux.MemoryManager.
func (s *span) Done() { s.ReleaseMemory(int(^uint(0) >> 1)) }
