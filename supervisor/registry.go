// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"slices"
	"strings"
	"sync"
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
	Failed // stopped because of a failure
	Halted // alive, but it gets nothing more: LastError says why
)

var phaseNames = [...]string{"starting", "running", "backing off", "stopped", "failed", "halted"}

// String returns the phase's name.
func (p Phase) String() string { return nameOf(phaseNames[:], int(p), "phase") }

// A State is what is known of one actor.
type State struct {
	Name        string // group/actor
	PID         string // its id in the actor system
	Phase       Phase
	Cursor      string // how far it is, in its own terms
	Lag         uint64 // events that it has still before it, if it is fed with events
	Queue       int64  // messages waiting for it
	Handled     uint64 // messages handled
	Restarts    int64
	LastError   string
	LastErrorAt time.Time
	Since       time.Time // when it was first started
}

// maxRetired is the number of actors that came, failed and went, which a
// registry still shows.
const maxRetired = 32

// A Registry knows every actor of a tree. One that was spawned and ended is
// forgotten, unless it failed: the last 32 of those stay.
type Registry struct {
	mu      sync.Mutex // guards both fields below
	entries map[string]*Entry
	retired []*Entry // failed, oldest first
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{entries: map[string]*Entry{}} }

// Entry returns the entry of an actor, by group and name.
func (r *Registry) Entry(group, name string) *Entry { return r.entry(group + "/" + name) }

// entry returns the entry of a name, making it where there is none.
func (r *Registry) entry(name string) *Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[name]
	if e == nil {
		e = newEntry(name)
		r.entries[name] = e
	}
	return e
}

// Begin shows something that runs like an actor and is none, until End.
func (r *Registry) Begin(group, name string) *Entry {
	e := newEntry(group + "/" + name)
	e.phase(Running)
	r.put(e)
	return e
}

// End forgets what Begin showed.
func (r *Registry) End(e *Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(e)
}

// put makes e the entry of its name.
func (r *Registry) put(e *Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[e.name] = e
}

// retire forgets an actor that came and went, like a session, and keeps a
// bounded number of those that failed.
func (r *Registry) retire(e *Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if Phase(e.phaseNow.Load()) != Failed {
		r.drop(e)
		return
	}
	r.retired = append(r.retired, e)
	if len(r.retired) > maxRetired {
		r.drop(r.retired[0])
		r.retired = slices.Delete(r.retired, 0, 1)
	}
}

// drop removes e, unless another actor has taken its name.
func (r *Registry) drop(e *Entry) {
	if r.entries[e.name] == e {
		delete(r.entries, e.name)
	}
}

// Snapshot returns the state of all actors, ordered by name: names are paths,
// so that a group's actors stand together.
func (r *Registry) Snapshot() []State {
	r.mu.Lock()
	entries := make([]*Entry, 0, len(r.entries))
	for _, e := range r.entries {
		entries = append(entries, e)
	}
	r.mu.Unlock()
	states := make([]State, len(entries))
	for i, e := range entries {
		states[i] = e.state() // calls cursor functions: not under the lock
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states
}
