// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// patience is how long a command works before it shows a progress bar.
const patience = time.Second

// A meter is a progress bar on stderr, where that is a terminal and the work
// takes longer than a moment; otherwise it does nothing.
type meter struct {
	app     *app
	label   string
	bytes   bool
	started time.Time

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	total int64
	done  int64
}

// meter starts measuring; a total of -1 means that nobody knows.
func (a *app) meter(label string, total int64, bytes bool) *meter {
	return &meter{app: a, label: label, bytes: bytes, total: total, started: time.Now()}
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
	m.done, m.total = done, total
	if m.bar == nil {
		if time.Since(m.started) < patience || !terminal(m.app.err) {
			return
		}
		m.bar = m.newBar()
	}
	if total > 0 {
		m.bar.ChangeMax64(max(total, done))
	}
	m.bar.Set64(done)
}

func (m *meter) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions64(m.total,
		progressbar.OptionSetWriter(m.app.err), progressbar.OptionSetDescription(m.label),
		progressbar.OptionShowBytes(m.bytes), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

// end takes the bar away.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		m.bar.Clear()
		m.bar.Exit()
	}
}

// terminal reports whether v is a terminal.
func terminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
