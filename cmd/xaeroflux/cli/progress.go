// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// patience is how long a command works before it shows a progress bar.
const patience = time.Second

// A meter is a progress bar on stderr, if that is a terminal and the work
// takes longer than a moment; otherwise it does nothing.
type meter struct {
	mu    sync.Mutex               // guards all below
	bar   *progressbar.ProgressBar // nil if nobody would see it
	gate  *gate
	total int64
	done  int64
}

// meter starts measuring; a total of -1 means that nobody knows.
func (a *app) meter(label string, total int64, bytes bool) *meter {
	m := &meter{total: total}
	if !terminal(a.err) {
		return m
	}
	m.gate = &gate{w: a.err, from: time.Now().Add(patience)}
	m.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(m.gate), progressbar.OptionSetDescription(label),
		progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return m
}

// add says that n more are done.
func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.show(m.done+n, m.total)
}

// set says how many are done, and of how many.
func (m *meter) set(done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.show(done, total)
}

func (m *meter) show(done, total int64) {
	if m.bar == nil {
		return
	}
	if total != m.total {
		m.bar.ChangeMax64(max(total, done))
	}
	m.done, m.total = done, total
	m.bar.Set64(done)
}

// end takes the bar away. Calling it again does nothing.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar == nil {
		return
	}
	m.gate.close()
	m.bar.Exit()
	m.bar = nil
}

// A gate swallows what is written before a time, and after it is closed: the
// bar measures from the beginning, is seen only when the work takes long, and
// a last stroke of its spinner does not come after the result.
type gate struct {
	mu     sync.Mutex // guards opened and closed; held while w is written to
	w      io.Writer
	from   time.Time
	opened bool
	closed bool
}

// Write implements io.Writer.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || time.Now().Before(g.from) {
		return len(p), nil
	}
	g.opened = true
	return g.w.Write(p)
}

// close wipes the line, if there is something on it.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened && !g.closed {
		io.WriteString(g.w, "\r\x1b[K")
	}
	g.closed = true
}

// terminal reports whether v is a terminal.
func terminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
