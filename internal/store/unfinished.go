// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An UnfinishedError says that what was to become a store was cut off before it was
// one. Nothing was acknowledged in it, and what made it completes it. It is an
// ErrNoStore.
type UnfinishedError struct {
	Dir     string      // where
	What    string      // that was cut off
	Topic   digest.Hash // that was to be joined; zero if none was, or none is known
	Restore bool        // it was to be made of a backup
	Backup  string      // the directory of that, if it is known
	Adopt   bool        // the store was to stay the device that it was
	Do      string      // what completes it
}

func (e *UnfinishedError) Error() string {
	text := e.What + " was cut off, and there is no store yet"
	if !e.Topic.IsZero() {
		text += fmt.Sprintf(": it was to join the topic %s", e.Topic)
	}
	if e.Backup != "" {
		text += ": it was to be made of the backup in " + e.Backup
	}
	if e.Adopt {
		text += ", and to stay the device that it was"
	}
	return text
}

// Is reports whether target is ErrNoStore.
func (e *UnfinishedError) Is(target error) bool { return target == ErrNoStore }

// Unfounded returns what the store lacks if its creation stopped before its first
// topic, and nil otherwise.
func (s *Store) Unfounded() *UnfinishedError {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	if len(s.topics.all) > 0 {
		return nil
	}
	e := &UnfinishedError{Dir: s.dir, What: "the creation of this store", Topic: s.topics.wanted, Do: "open it, which founds a topic or joins one by an invite"}
	if !e.Topic.IsZero() {
		e.Do = "open it with the invite to that topic, or without one, which founds a topic of its own"
	}
	return e
}
