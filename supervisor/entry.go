// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// An Entry is one actor's line in the registry. The work for every message
// is an atomic addition.
type Entry struct {
	name     string
	since    time.Time
	pid      atomic.Pointer[string]
	mailbox  atomic.Pointer[actor.Mailbox]
	phaseNow atomic.Int32
	handled  atomic.Uint64
	restarts atomic.Int64
	cursor   atomic.Pointer[func() string]
	lag      atomic.Pointer[func() uint64]
	last     atomic.Pointer[lastError]
}

type lastError struct {
	err  error
	text string // of err, bounded
	at   time.Time
}

// maxErrorText bounds the text of an error kept in the registry, in bytes.
const maxErrorText = 1 << 10

func newEntry(name string) *Entry { return &Entry{name: name, since: time.Now()} }

// SetCursor gives the function that says how far the actor is. It is called
// by whoever takes a snapshot, in that goroutine.
func (e *Entry) SetCursor(f func() string) { e.cursor.Store(&f) }

// SetLag gives the function that says how many events the actor has still before it.
// It is called as that of SetCursor.
func (e *Entry) SetLag(f func() uint64) { e.lag.Store(&f) }

// Count counts a message that was handled by something that is no actor.
func (e *Entry) Count() { e.handled.Add(1) }

// LastError returns the last error of the actor, or nil.
func (e *Entry) LastError() error {
	if f := e.last.Load(); f != nil {
		return f.err
	}
	return nil
}

// Phase returns where the actor is in its life.
func (e *Entry) Phase() Phase { return Phase(e.phaseNow.Load()) }

func (e *Entry) phase(p Phase) { e.phaseNow.Store(int32(p)) }

// Note shows an error of the actor that is no failure: it goes on.
func (e *Entry) Note(err error, at time.Time) { e.failed(err, at) }

// stopped ends the life of an actor, unless it ended by a failure.
func (e *Entry) stopped() {
	if Phase(e.phaseNow.Load()) != Failed {
		e.phase(Stopped)
	}
}

// Halt shows that the actor gets nothing more, and why. One that has ended stays
// as it was.
func (e *Entry) Halt(why error) {
	for _, p := range []Phase{Starting, Running, BackingOff} {
		if e.phaseNow.CompareAndSwap(int32(p), int32(Halted)) {
			e.failed(why, time.Now())
			return
		}
	}
}

func (e *Entry) failed(err error, at time.Time) {
	text := err.Error()
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	e.last.Store(&lastError{err, text, at})
}

func (e *Entry) state() State {
	s := State{
		Name: e.name, Phase: Phase(e.phaseNow.Load()),
		Handled: e.handled.Load(), Restarts: e.restarts.Load(), Since: e.since,
	}
	if id := e.pid.Load(); id != nil {
		s.PID = *id
	}
	if m := e.mailbox.Load(); m != nil {
		s.Queue = int64(max(0, (*m).UserMessageCount()))
	}
	if f := e.last.Load(); f != nil {
		s.LastError, s.LastErrorAt = f.text, f.at
	}
	if c := e.cursor.Load(); c != nil {
		s.Cursor = (*c)()
	}
	if l := e.lag.Load(); l != nil {
		s.Lag = (*l)()
	}
	return s
}
