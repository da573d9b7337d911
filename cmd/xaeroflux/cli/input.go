// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/xaeroflux/xaeroflux/event"
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

// stdin is standard input, of which a signal ends the reading.
func (a *app) stdin() io.Reader { return interruptible(a.ctx, a.in) }

// input opens a file, or stdin for "-".
func (a *app) input(ctx context.Context, name string) (io.ReadCloser, error) {
	if name != "-" {
		return openInput(ctx, name)
	}
	if terminal(a.in) {
		a.say("reading events from the terminal, one a line; end with ctrl-D")
	}
	return io.NopCloser(interruptible(ctx, a.in)), nil
}

// openInput opens a file with events.
func openInput(ctx context.Context, name string) (io.ReadCloser, error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return nil, hint(usage("%s is a directory, and events are read from files", name), "the files in it, or xaeroflux append < FILE")
	}
	return openFile(ctx, name)
}

// openFile opens a file. A pipe with a name may have nobody at its other end: neither
// opening nor reading it keeps the command from ending with ctx.
func openFile(ctx context.Context, name string) (io.ReadCloser, error) {
	var f *os.File
	opened := make(chan error, 1)
	go func() {
		var err error
		f, err = os.Open(name)
		opened <- err
	}()
	select {
	case err := <-opened:
		if err != nil {
			return nil, hint(err, "another path")
		}
	case <-ctx.Done():
		return nil, errInterrupted
	}
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{interruptible(ctx, f), f}, nil
}

// totalBytes is the size of all files, or -1 if one cannot tell.
func totalBytes(files []string) int64 {
	var total int64
	for _, name := range files {
		st, err := os.Stat(name)
		if name == "-" || err != nil || !st.Mode().IsRegular() {
			return -1
		}
		total += st.Size()
	}
	return total
}

// countingReader tells a meter what is read.
type countingReader struct {
	r io.Reader
	m *meter
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.m.add(int64(n))
	return n, err
}
