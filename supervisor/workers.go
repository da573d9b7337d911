// SPDX-License-Identifier: MPL-2.0

package supervisor

import "sync"

const (
	maxIdle    = 16  // goroutines that are kept
	throughput = 300 // messages that an actor handles before others have a turn
)

// workers is the dispatcher of a tree's actors. An actor that has messages runs on a
// goroutine that ran others before, if one is idle: a new one begins with a small
// stack, and growing that for each message costs more than many a message.
type workers struct {
	mu     sync.Mutex    // guards all below
	idle   []chan func() // each the next work of one, which holds one
	closed bool
}

// Schedule implements actor.Dispatcher.
func (w *workers) Schedule(fn func()) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		next := w.idle[n-1] // whose stack was used last
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		next <- fn
		return
	}
	w.mu.Unlock()
	go w.run(fn)
}

// Throughput implements actor.Dispatcher.
func (w *workers) Throughput() int { return throughput }

func (w *workers) run(fn func()) {
	next := make(chan func(), 1)
	for ok := true; ok; fn, ok = <-next {
		fn()
		if !w.rest(next) {
			return
		}
	}
}

// rest makes a goroutine one that is idle, unless there are enough.
func (w *workers) rest(next chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) == maxIdle {
		return false
	}
	w.idle = append(w.idle, next)
	return true
}

// close ends the goroutines that are idle, and the others when they have run.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}
