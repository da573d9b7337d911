// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A FaultKind says what is wrong with a topic's roster.
type FaultKind string

// The kinds of faults. An honest steward causes none of the first eight; the last three
// may be none once more of the topic is here.
const (
	FaultForked   FaultKind = FaultKind(store.FaultForked)   // the steward signed two histories: DB.Forks has the proof
	FaultClosed   FaultKind = FaultKind(store.FaultClosed)   // the steward broke a rule, and the roster ends there
	FaultVoid     FaultKind = FaultKind(store.FaultVoid)     // a record that the rules do not allow: it changes nothing
	FaultAsk      FaultKind = FaultKind(store.FaultAsk)      // a record says that a member asked for it, who asked for something else
	FaultNoBox    FaultKind = FaultKind(store.FaultNoBox)    // the steward left this store out when it made new keys
	FaultWrongBox FaultKind = FaultKind(store.FaultWrongBox) // or gave it others than the roster says
	FaultElse     FaultKind = FaultKind(store.FaultElse)     // another roster than the one that the invite named
	FaultNoStep   FaultKind = FaultKind(store.FaultNoStep)   // its keys do not lead to those before
	FaultOld      FaultKind = FaultKind(store.FaultOld)      // an older roster than the one that the invite named
	FaultAhead    FaultKind = FaultKind(store.FaultAhead)    // a member seals by a newer roster than is here, or another one
	FaultNoAsk    FaultKind = FaultKind(store.FaultNoAsk)    // a record names an ask that is not here
)

// A RosterFault is something that is wrong with a topic's roster. It is told of a record of
// a log, which its author signed: Log.Prove of that record, with this store's copy of it,
// shows it to anybody.
type RosterFault struct {
	Kind  FaultKind `json:"kind"` // forked, closed, void, other ask, no box, wrong box, elsewhere, no way back, old, sealed ahead or ask not here
	Topic TopicID   `json:"topic"`
	Log   LogID     `json:"log,omitzero"` // of the record that shows it; of FaultOld, none
	Seq   uint64    `json:"record"`       // its sequence; of FaultForked and FaultClosed, where the log ends
	Why   string    `json:"why"`          // for people
	cause           // if it came within another error
}

// Error says what is wrong with the roster of which topic.
func (f *RosterFault) Error() string {
	if f.err != nil {
		return f.cause.Error()
	}
	return fmt.Sprintf("the roster of topic %s: %s", f.Topic.Short(), f.Why)
}

// ErrOldRoster is returned for appends to a topic of whose roster less is here than the
// invite named that this store joined by, or another one.
var ErrOldRoster = store.ErrOldRoster

func faultOf(f *store.RosterFault) *RosterFault {
	return &RosterFault{Kind: FaultKind(f.Kind), Topic: TopicID(f.Topic), Log: LogID(f.Log), Seq: f.Seq, Why: f.Why}
}

// ErrBoxProof is returned for a text that does not prove a false box.
var ErrBoxProof = store.ErrBoxProof

// ProveBox returns a proof, for members of the topic, that the keys which the steward gave
// to this store are not those that the roster says: for a fault of kind FaultWrongBox.
// It contains the secret that the box was sealed for, which opens what this store
// was given until then: show it to nobody who may not read that. The error is ErrBoxProof if
// the box is right.
func (t *Topic) ProveBox(f RosterFault) (_ []byte, err error) {
	defer t.db.out(&err)
	if err := t.db.usable(); err != nil {
		return nil, err
	}
	p, err := t.db.st.ProveBox(t.t.ID, digest.Hash(f.Log), f.Seq)
	if err != nil {
		return nil, fmt.Errorf("prove box: %w", err)
	}
	return p.Encode(), nil
}

// VerifyBox checks what ProveBox of another member wrote against the roster and the boxes
// that are here, and returns the device that wrote the false box. The error is ErrBoxProof if
// it proves nothing.
func (t *Topic) VerifyBox(text []byte) (steward AuthorKey, err error) {
	defer t.db.out(&err)
	if err := t.db.usable(); err != nil {
		return steward, err
	}
	p, err := store.ParseBoxProof(text)
	if err == nil && p.Topic != t.t.ID {
		err = fmt.Errorf("%w of this topic", ErrBoxProof)
	}
	if err != nil {
		return steward, fmt.Errorf("verify box: %w", err)
	}
	by, err := t.db.st.VerifyBox(p)
	return AuthorKey(by), wrap("verify box", err)
}
