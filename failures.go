// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/supervisor"
)

// A failure is of a log of which the taker, or the disk, did not take the next
// events.
type failure struct {
	count int
	until time.Time
	timer *time.Timer // gives the log another turn
}

// failurePauses says how long a log waits that fails again and again.
var failurePauses = supervisor.Policy{Base: 50 * time.Millisecond, Cap: 10 * time.Second}

// waits reports whether a log waits after an error.
func (f *feed) waits(log LogID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.failed[log]
	return w != nil && time.Now().Before(w.until)
}

// pause lets a log wait after an error, which is shown.
func (f *feed) pause(log LogID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.failed[log]
	if w == nil {
		w = &failure{}
		f.failed[log] = w
	}
	w.count++
	wait := failurePauses.Pause(w.count)
	w.until = time.Now().Add(wait)
	w.timer = time.AfterFunc(wait, func() { f.turns.add(log) })
	f.entry.Note(fmt.Errorf("log %s from event %d: %w; again in %s", log.Short(), f.taken[log], err, wait.Round(time.Millisecond)), time.Now())
	text := []any{slog.String("name", f.name), slog.String("log", log.String()), slog.Any("error", err), slog.Duration("again in", wait)}
	if p := new(supervisor.Failure); errors.As(err, &p) && p.Stack != nil {
		text = append(text, slog.String("stack", string(p.Stack)))
	}
	f.db.log.Warn("events were not taken", text...)
}

func (f *feed) recovered(log LogID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.failed, log)
}
