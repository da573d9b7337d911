// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// A line is one line of a stream of JSON objects. Exactly one field is set.
// A stream ends with a line that is done or an error; one that ends without
// was cut off.
type line[T any] struct {
	Item  *T     `json:"item,omitempty"`
	Done  bool   `json:"done,omitempty"`
	Error *Error `json:"error,omitempty"`
}

// A LazyWriter buffers, and flushes by itself a moment after the last write:
// a fast stream goes out in large pieces and a slow one without delay.
type LazyWriter struct {
	mu    sync.Mutex // guards all that follows but after
	w     *bufio.Writer
	after func() error // flushes what is below; may be nil
	timer *time.Timer
	armed bool
	err   error
}

// flushDelay is what a waiting reader may notice at most.
const flushDelay = 20 * time.Millisecond

// NewLazyWriter returns a LazyWriter on w; flush, if it is not nil, is
// called after each write to w.
func NewLazyWriter(w io.Writer, flush func() error) *LazyWriter {
	return &LazyWriter{w: bufio.NewWriterSize(w, 64<<10), after: flush}
}

// Write implements io.Writer.
func (l *LazyWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.w.Write(b)
	l.err = err
	if !l.armed && err == nil {
		l.armed = true
		if l.timer == nil {
			l.timer = time.AfterFunc(flushDelay, l.tick)
		} else {
			l.timer.Reset(flushDelay)
		}
	}
	return n, err
}

func (l *LazyWriter) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	l.flush()
}

// flush is called with mu held.
func (l *LazyWriter) flush() {
	if l.err != nil {
		return
	}
	if l.err = l.w.Flush(); l.err == nil && l.after != nil {
		l.err = l.after()
	}
}

// Close flushes; nothing is written to w after it.
func (l *LazyWriter) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.flush()
	err := l.err
	if err == nil {
		l.err = io.ErrClosedPipe
	}
	return err
}
