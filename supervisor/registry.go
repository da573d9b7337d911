// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// A Phase is where an actor is in its life.
type Phase int32

// Phases.
const (
	Starting Phase = iota
	Running
	BackingOff // failed, and will be restarted
	Stopped
)

var phaseNames = [...]string{"starting", "running", "backing off", "stopped"}

// String returns the phase's name.
func (p Phase) String() string {
	if p < 0 || int(p) >= len(phaseNames) {
		return fmt.Sprintf("phase %d", int(p))
	}
	return phaseNames[p]
}

// MarshalText encodes the phase's name.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// A State is what is known of one actor.
type State struct {
	Name        string    `json:"name"` // group/actor
	Phase       Phase     `json:"phase"`
	Cursor      string    `json:"cursor,omitempty"` // how far it is, in its own terms
	Queue       int64     `json:"queue"`            // messages waiting for it
	Handled     uint64    `json:"handled"`          // messages handled
	Restarts    int64     `json:"restarts"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Since       time.Time `json:"since"` // when it was first started
}

// A Registry knows every actor of a tree.
type Registry struct {
	mu      sync.Mutex
	entries map[string]*Entry
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{entries: map[string]*Entry{}} }

// An Entry is one actor's line in the registry. Its methods are cheap enough
// to be called for every message.
type Entry struct {
	name     string
	since    time.Time
	phaseNow atomic.Int32
	queued   atomic.Int64
	handled  atomic.Uint64
	restarts atomic.Int64
	cursor   atomic.Pointer[func() string]
	failed   atomic.Pointer[failedAt]
}

type failedAt struct {
	text string
	at   time.Time
}

// entry returns the entry of a name, making it where there is none.
func (r *Registry) entry(name string) *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[name]
	if e == nil {
		e = &Entry{name: name, since: time.Now()}
		r.entries[name] = e
	}
	return e
}

// Entry returns the entry of an actor, by group and name.
func (r *Registry) Entry(group, name string) *Entry { return r.entry(group + "/" + name) }

// remove forgets an actor that came and went, like a session.
func (r *Registry) remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, name)
}

// Snapshot returns the state of all actors, ordered by name.
func (r *Registry) Snapshot() []State {
	r.mu.Lock()
	entries := make([]*Entry, 0, len(r.entries))
	for _, e := range r.entries {
		entries = append(entries, e)
	}
	r.mu.Unlock()
	states := make([]State, len(entries))
	for i, e := range entries {
		states[i] = e.state()
	}
	sort.Slice(states, func(i, j int) bool { return states[i].Name < states[j].Name })
	return states
}

func (e *Entry) state() State {
	s := State{
		Name: e.name, Phase: Phase(e.phaseNow.Load()), Queue: max(0, e.queued.Load()),
		Handled: e.handled.Load(), Restarts: e.restarts.Load(), Since: e.since,
	}
	if f := e.failed.Load(); f != nil {
		s.LastError, s.LastErrorAt = f.text, f.at
	}
	if c := e.cursor.Load(); c != nil {
		s.Cursor = (*c)()
	}
	return s
}

// SetCursor gives the function that says how far the actor is.
func (e *Entry) SetCursor(f func() string) { e.cursor.Store(&f) }

// Sent counts a message on its way to the actor; the actor's middleware
// counts it off.
func (e *Entry) Sent() { e.queued.Add(1) }

func (e *Entry) phase(p Phase) { e.phaseNow.Store(int32(p)) }

func (e *Entry) failure(reason any) {
	e.failed.Store(&failedAt{text: fmt.Sprint(reason), at: time.Now()})
}
