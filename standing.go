// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Errors of invites that admit nobody any more. Join returns them if the roster that is
// here says so, Append once a roster came that does, and Standing tells them.
var (
	// ErrInviteUsed is why an invite admits nobody by which as many joined as it was for.
	ErrInviteUsed = store.ErrInviteUsed
	// ErrInviteExpired is why an invite admits nobody whose time was over, by the clock of
	// the steward.
	ErrInviteExpired = store.ErrInviteExpired
	// ErrInviteClosed is why an invite admits nobody that was closed: by Topic.Revoke, or
	// because somebody was removed.
	ErrInviteClosed = store.ErrInviteClosed
	// ErrInviteVoid is why an invite admits nobody that was made, or used by this store, in a
	// part of the roster that a take-over made void.
	ErrInviteVoid = store.ErrInviteVoid
)

// A StandingState is where this store stands in a topic.
type StandingState string

// The states.
const (
	StandingOpen        StandingState = "open"        // the topic is: everybody takes part
	StandingMember      StandingState = "member"      // the roster that is here names this store
	StandingProvisional StandingState = "provisional" // it came by an invite, and waits for the steward
	StandingRefused     StandingState = "refused"     // it came by an invite that admits nobody any more
	StandingRemoved     StandingState = "removed"     // it belonged, and does not any more
)

// A Standing is where this store stands in a topic, by the roster that is here.
type Standing struct {
	State StandingState `json:"state"`
	Role  Role          `json:"role,omitzero"` // of a member
	Why   string        `json:"why,omitempty"` // Err, for people
	// Err is why nothing counts that this store appends: ErrInviteUsed, ErrInviteExpired,
	// ErrInviteClosed or ErrInviteVoid if it is refused, ErrRemoved if it was removed or is a
	// copy of a store that was, else nil.
	Err error `json:"-"`
}

// Standing returns where this store stands in the topic.
func (t *Topic) Standing() (s Standing, err error) {
	defer t.db.out(&err)
	if t.Kind() == OpenTopic {
		return Standing{State: StandingOpen}, t.db.usable()
	}
	st, err := t.roster()
	if err != nil {
		return s, wrap("standing", err)
	}
	d, known := st.Device(t.db.st.DeviceKey(t.t))
	if d.Belongs {
		return Standing{State: StandingMember, Role: Role(st.Role(d.Key))}, nil
	}
	refused, err := t.refused()
	switch s.State = StandingProvisional; {
	case err != nil:
		return s, wrap("standing", err)
	case errors.Is(refused, ErrRemoved):
		s.State, s.Err = StandingRemoved, ErrRemoved
	case refused != nil:
		s.State, s.Err = StandingRefused, refused
	case known && d.Log == t.log(): // it did not join again
		s.State, s.Err = StandingRemoved, ErrRemoved
	}
	if s.Err != nil {
		s.Why = s.Err.Error()
	}
	return s, nil
}

// refused returns why the steward does not admit this store; nil if it belongs, or waits.
func (t *Topic) refused() (error, error) {
	now, err := t.db.st.Topic(t.t.ID)
	if err != nil {
		return nil, err
	}
	return t.db.st.Refused(now)
}
