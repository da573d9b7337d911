// SPDX-License-Identifier: MPL-2.0

package session

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// Errors of a sync that is over and has not brought both sides to hold the same. All
// else is on both by then.
var (
	// ErrNotShared says that no topic is shared.
	ErrNotShared = errors.New("no topic is shared with the peer: one of both left it, was removed, or has another key of it and nothing that the other one takes")
	// ErrPeerFull says that the peer does not take all there is, because its quota or its
	// disk leaves no room.
	ErrPeerFull = errors.New("the peer leaves logs alone, as a quota or its disk has no room for them; everything else is there")
	// ErrUnsettled says that the two hold branches that contradict each other.
	ErrUnsettled = errors.New("the two sides hold different branches of a log, or of the roster, and nothing that they hold decides which one counts; everything else is there: " +
		"the roster can name the branch that counts (a cut), and a take-over that of a roster")
	// ErrNoKeys says that one of the two lacks the newest key of a topic.
	ErrNoKeys = errors.New("one of the two sides lacks the newest key of the topic, and nothing that they hold leads to it: sync with the device that writes the roster, or with a member that has synced with it")
	// ErrNotTaken says that one of the two does not take, or bring, what the other lacks.
	ErrNotTaken = errors.New("the two sides do not bring each other all that is missing; everything else is there: see the logs of both")
)

// apart are the errors of a sync, by why the core ends it.
var apart = map[syncer.Reason]error{
	syncer.LeftThere: ErrPeerFull, syncer.Unsettled: ErrUnsettled, syncer.Keyless: ErrNoKeys, syncer.Unshared: ErrNotShared,
	syncer.NotTaken: ErrNotTaken, syncer.LeftHere: ErrNotTaken, syncer.Failed: ErrNotTaken,
}

// setApart takes note that not all comes to be on both sides, for those who wait for the
// sync that is under way.
func (s *Session) setApart(o syncer.Apart) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	peer := s.conn.Peer().Short()
	failed := o.Err
	if failed == nil {
		failed = s.stats.trouble.err
	}
	switch why := s.stats.unmet; {
	case s.stats.apart != nil:
	case o.Why == syncer.LeftHere && why != nil:
		s.stats.apart = fmt.Errorf("sync with %s left logs alone: %w", peer, why)
	case o.Why == syncer.Failed && failed != nil:
		s.stats.apart = fmt.Errorf("sync with %s: %w: %w", peer, ErrNotTaken, failed)
	default:
		s.stats.apart = fmt.Errorf("sync with %s: %w", peer, apart[o.Why])
	}
}
