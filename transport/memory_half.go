// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A half is one direction of a stream: a bounded queue of chunks, each with
// the time from which it may be read.
type half struct {
	limit   int
	reading deadline
	writing deadline

	mu      sync.Mutex // guards all below
	chunks  []chunk
	size    int  // bytes in chunks
	ended   bool // the writer is done
	drained bool // the reader saw the end or an error
	rerr    error
	werr    error
	changed chan struct{} // closed and replaced at each change that somebody may wait for
}

type chunk struct {
	b  []byte
	at time.Time // zero: at once
}

func newHalf(limit int) *half { return &half{limit: limit, changed: make(chan struct{})} }

// notify wakes whoever waits; the caller holds mu.
func (h *half) notify() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// read waits for a byte, the end or an error.
func (h *half) read(b []byte) (int, error) {
	for {
		n, later, changed, err := h.tryRead(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		if err := pause(changed, &h.reading, later); err != nil {
			return 0, err
		}
	}
}

// tryRead takes what is there. Without bytes or error it returns what to wait
// for, and how long until the first chunk is due.
func (h *half) tryRead(b []byte) (n int, later time.Duration, changed chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.rerr != nil:
		h.drained = true
		return 0, 0, nil, h.rerr
	case h.reading.passed():
		return 0, 0, nil, os.ErrDeadlineExceeded
	case h.size == 0 && h.ended:
		h.drained = true
		return 0, 0, nil, io.EOF
	}
	n, later = h.take(b)
	if n > 0 {
		h.notify()
	}
	return n, later, h.changed, nil
}

// take moves chunks that are due into b; the caller holds mu.
func (h *half) take(b []byte) (n int, later time.Duration) {
	for n < len(b) && len(h.chunks) > 0 {
		c := &h.chunks[0]
		if !c.at.IsZero() {
			if later = time.Until(c.at); later > 0 {
				return n, later
			}
		}
		m := copy(b[n:], c.b)
		n, h.size, c.b = n+m, h.size-m, c.b[m:]
		if len(c.b) == 0 {
			h.chunks[0] = chunk{}
			h.chunks = h.chunks[1:]
		}
	}
	return n, 0
}

// wait waits until there is room, and returns how much of n bytes fits.
func (h *half) wait(n int) (int, error) {
	for {
		h.mu.Lock()
		changed, room, err := h.changed, h.limit-h.size, h.werr
		switch {
		case err != nil:
		case h.ended:
			err = fmt.Errorf("%w: stream's write side", ErrClosed)
		case h.writing.passed():
			err = os.ErrDeadlineExceeded
		}
		h.mu.Unlock()
		if err != nil || n == 0 {
			return 0, err
		}
		if room > 0 {
			return min(room, n), nil
		}
		if err := pause(changed, &h.writing, 0); err != nil {
			return 0, err
		}
	}
}

// put appends a copy of b; wait said there is room.
func (h *half) put(b []byte, delay time.Duration) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.werr != nil {
		return 0, h.werr
	}
	if len(b) == 0 {
		return 0, nil
	}
	c := chunk{b: append([]byte(nil), b...)}
	if delay > 0 {
		c.at = time.Now().Add(delay)
	}
	h.chunks, h.size = append(h.chunks, c), h.size+len(b)
	h.notify()
	return len(b), nil
}

func (h *half) closeWrite() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.werr != nil {
		return h.werr
	}
	if !h.ended {
		h.ended = true
		h.notify()
	}
	return nil
}

// fail ends the half for both sides, unless the reader has seen its end. What
// waits in it is lost.
func (h *half) fail(rerr, werr error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rerr == nil && !(h.ended && h.drained) {
		h.rerr, h.werr = rerr, werr
		h.chunks, h.size = nil, 0
		h.notify()
	}
	h.reading.set(time.Time{})
	h.writing.set(time.Time{})
}

// failWriter is fail for the writer's side, which after closeWrite has no say.
func (h *half) failWriter(rerr, werr error) {
	h.mu.Lock()
	ended := h.ended
	h.mu.Unlock()
	if !ended {
		h.fail(rerr, werr)
	}
}

// readDone reports whether the reader has nothing more to get.
func (h *half) readDone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.drained || h.rerr != nil
}

// writeDone reports whether the writer has nothing more to say.
func (h *half) writeDone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended || h.werr != nil
}

// pause waits for a change, a deadline, or for later to pass if it is not zero.
func pause(changed chan struct{}, d *deadline, later time.Duration) error {
	var due <-chan time.Time
	if later > 0 {
		t := time.NewTimer(later)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-changed:
	case <-due:
	case <-d.wait():
		return os.ErrDeadlineExceeded
	}
	return nil
}
