// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// errLine is a line that is longer than an event may be.
type errLine struct {
	name string
	line uint64 // from 1
}

func (e *errLine) Error() string {
	return fmt.Sprintf("%s line %d: longer than the %d bytes that an event holds", e.name, e.line, event.MaxPayload)
}

// lines reads the lines of one input.
type lines struct {
	name string
	r    *bufio.Reader
	n    uint64 // lines read
}

func newLines(name string, r io.Reader) *lines {
	return &lines{name: name, r: bufio.NewReaderSize(r, 256<<10)}
}

// next returns the next line without its newline; the slice is the caller's.
// A last line without a newline counts. At the end the error is io.EOF.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if n := len(line) + len(part); n > event.MaxPayload+1 || n == event.MaxPayload+1 && part[len(part)-1] != '\n' {
			return nil, &errLine{l.name, l.n + 1}
		}
		line = append(line, part...)
		switch {
		case err == nil:
			l.n++
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			l.n++
			return line, nil
		}
		return nil, err
	}
}

// waits reports whether the next line may have to be waited for.
func (l *lines) waits() bool { return l.r.Buffered() == 0 }

// interruptible makes reads of r end with ctx: a read of a terminal or a pipe
// cannot be ended otherwise. A read that was given up goes on behind, into a
// buffer of its own, until the process ends.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &waitingReader{ctx: ctx, r: r, results: make(chan readResult, 1)}
}

type waitingReader struct {
	ctx     context.Context
	r       io.Reader
	buf     []byte
	results chan readResult
}

type readResult struct {
	n   int
	err error
}

// Read implements io.Reader.
func (w *waitingReader) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, errInterrupted
	}
	if len(w.buf) < len(p) {
		w.buf = make([]byte, len(p))
	}
	go func(buf []byte) {
		n, err := w.r.Read(buf)
		w.results <- readResult{n, err}
	}(w.buf[:len(p)])
	select {
	case got := <-w.results:
		return copy(p, w.buf[:got.n]), got.err
	case <-w.ctx.Done():
		return 0, errInterrupted
	}
}

// Bounds of one batch.
const (
	batchEvents = 1000
	batchBytes  = 1 << 20
)

// batcher collects events into batches and appends them.
type batcher struct {
	b       backend
	topic   string
	pending []nodeapi.Event
	bytes   int
	total   nodeapi.Receipt // of all batches
	done    func(nodeapi.Receipt) error
}

// add takes an event, and appends when a batch is full.
func (w *batcher) add(ctx context.Context, e nodeapi.Event) error {
	size := len(e.Payload) + len(e.Key) + len(e.Type)
	if len(w.pending) > 0 && w.bytes+size > batchBytes {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, e)
	w.bytes += size
	if len(w.pending) >= batchEvents || w.bytes >= batchBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush appends what is pending. An interrupt does not tear a batch: it is
// waited for, so that the summary tells the truth.
func (w *batcher) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	r, err := w.b.Append(context.WithoutCancel(ctx), w.topic, w.pending)
	if err != nil {
		return err
	}
	if w.total.Count == 0 {
		w.total.First = r.First
	}
	w.total.Log, w.total.Size, w.total.Root = r.Log, r.Size, r.Root
	w.total.Count += r.Count
	clear(w.pending) // the payloads may go
	w.pending, w.bytes = w.pending[:0], 0
	return w.done(r)
}
