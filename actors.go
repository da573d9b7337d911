// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// ActorOptions are for a program that has actors of its own. The zero value means the
// defaults.
type ActorOptions struct {
	// System runs the actors of this store; it is left running by Close.
	// Default: a system of its own.
	System *actor.ActorSystem
}

// An ActorStatus is what is known of one actor of a store, or of one function that
// Process runs.
type ActorStatus struct {
	Name  string `json:"name"`  // group/actor; those of the application are user/…
	Phase string `json:"phase"` // starting, running, backing off, stopped, failed, halted

	Cursor  string `json:"cursor,omitempty"` // how far it is, in its own terms
	Lag     uint64 `json:"lag,omitempty"`    // events that it has still before it, if it is fed with events
	Queue   int64  `json:"queue"`            // messages that wait for it
	Handled uint64 `json:"handled"`          // messages, or calls of a function

	Restarts    int64     `json:"restarts"`
	LastError   string    `json:"last_error,omitempty"` // also one after which it went on
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Since       time.Time `json:"since"` // when it was first started
}

// Actors returns the state of every actor of this store, ordered by name.
func (db *DB) Actors() []ActorStatus {
	states := db.node.Actors()
	all := make([]ActorStatus, len(states))
	for i, s := range states {
		all[i] = ActorStatus{
			Name: s.Name, Phase: s.Phase.String(), Cursor: s.Cursor, Lag: s.Lag, Queue: s.Queue, Handled: s.Handled,
			Restarts: s.Restarts, LastError: s.LastError, LastErrorAt: s.LastErrorAt, Since: s.Since,
		}
	}
	return all
}
