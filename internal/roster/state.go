// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// Errors of the fold. Each says why a record is not in the roster; a record
// that is in it and changes nothing is no error, see Effect.Void.
var (
	// ErrRefused is returned for a log that is no leg of this roster, whatever
	// follows: its record 0 is not what it has to be.
	ErrRefused = errors.New("the roster does not allow it")
	// ErrClosed is returned for a record that a leg ended before: it does not
	// decode, or it is record 1 of a first leg and not the owner's admit. All
	// before it counts.
	ErrClosed = errors.New("the roster is closed")
	// ErrPosition is returned for a leg that continues another position than
	// the one that the state is at, and for a record out of order.
	ErrPosition = errors.New("another position of the roster")
)

// A ClosedError says where a leg closed. It is ErrClosed.
type ClosedError struct {
	Log digest.Hash
	Seq uint64 // of the record that does not count, and nothing after it
	Err error
}

// Error says what is wrong with the record.
func (e *ClosedError) Error() string {
	return fmt.Sprintf("log %s closed at sequence %d: %v", e.Log.Short(), e.Seq, e.Err)
}

// Is reports whether target is ErrClosed.
func (e *ClosedError) Is(target error) bool { return target == ErrClosed }

// Unwrap returns why the record does not count.
func (e *ClosedError) Unwrap() error { return e.Err }

// An Effect is what a record did.
type Effect struct {
	At     Position // after the record
	Record Record
	Void   Void // why it changes nothing; empty if it counts
}

// A LegID is a leg's log and the three that it follows from.
type LegID struct {
	Log       digest.Hash
	Author    Key
	Term, Leg uint32
}

// A leg is one that a state has read, with its root at each size from 1.
type leg struct {
	LegID
	roots []digest.Hash
}

// A State is the fold over one chain of legs, up to a position. Its answers
// are in query.go. Several goroutines may ask while none applies records.
type State struct {
	topic   digest.Hash
	body    []byte // of genesis
	genesis *Genesis

	legs   []leg // as read, the newest last
	tree   merkleindex.CompactRange
	next   *LegID // begun, but its record 0 is not applied yet
	phase  phase
	heir   Key    // after a handover: the steward of the next leg
	behind uint64 // records read behind that handover, all void
	term   *Term  // the newest term record; nil in term 0
	closed error  // why the newest leg is closed, or nil
	voids  []VoidRecord
	signed bool // the record that is applied is known to be Signed

	world
}

// A phase is how far a leg is.
type phase uint8

const (
	phaseEmpty    phase = iota // no record at all yet
	phaseFounding              // the owner's admit is to follow
	phaseOpen
	phaseHandedOver
)

// New returns the empty roster of a topic. The error is ErrRefused if the body
// is no genesis, or not the one that the topic id was made of.
func New(topic digest.Hash, genesisBody []byte) (*State, error) {
	g, err := identity.ParseGenesis(genesisBody)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if id := identity.TopicIDOf(genesisBody); id != topic {
		return nil, fmt.Errorf("%w: genesis is that of topic %s, want %s", ErrRefused, id.Short(), topic.Short())
	}
	return &State{topic: topic, body: bytes.Clone(genesisBody), genesis: g, world: newWorld()}, nil
}

// BeginLeg says of which log the next records are. Record 0 decides whether the
// leg continues the roster; until it is applied, s stays as it is. The error is
// ErrRefused for a log that is no leg of this topic.
func (s *State) BeginLeg(log digest.Hash, author [32]byte, term, leg uint32) error {
	id := LegID{log, author, term, leg}
	if want := LegLog(s.topic, author, term, leg); log != want {
		return fmt.Errorf("%w: log %s, topic, author, term %d and leg %d make it %s", ErrRefused, log.Short(), term, leg, want.Short())
	}
	if term == 0 && leg == 0 && (id.Author != Key(s.genesis.Steward) || id.Author.IsZero()) {
		return fmt.Errorf("%w: the first leg is by %s, genesis names %s", ErrRefused, id.Author.Short(), Key(s.genesis.Steward).Short())
	}
	s.next = &id
	return nil
}

// Apply reads the record with the next sequence of the leg: type, time and body
// of an event without flags and key. The error is ErrRefused, ErrPosition or a
// ClosedError, and s is then as it was, but for being closed.
func (s *State) Apply(seq uint64, typ string, ms int64, body []byte) (Effect, error) {
	if seq == 0 {
		return s.applyFirst(typ, ms, body)
	}
	switch size := s.size() + s.behind; {
	case s.next != nil || s.phase == phaseEmpty:
		return Effect{}, fmt.Errorf("%w: sequence %d before sequence 0", ErrPosition, seq)
	case s.closed != nil:
		return Effect{}, s.closed
	case seq != size:
		return Effect{}, fmt.Errorf("%w: sequence %d, want %d", ErrPosition, seq, size)
	}
	r, err := Decode(typ, body)
	if err != nil {
		return Effect{}, s.close(seq, err)
	}
	leaf, err := leafHash(typ, ms, body)
	if err != nil {
		return Effect{}, s.close(seq, err)
	}
	switch s.phase {
	case phaseFounding:
		return s.applyOwner(r, ms, leaf)
	case phaseHandedOver:
		s.behind++
		at := s.Position()
		at.Size += s.behind
		s.voids = append(s.voids, VoidRecord{at, typ, VoidHandedOver})
		return Effect{At: at, Record: r, Void: VoidHandedOver}, nil
	}
	return s.judge(r, ms, leaf), nil
}

// Judge returns why r would be void as the next record, or nothing if it would
// count. S stays as it is. It is for a steward, which writes no void records: r has to
// be one that encodes, and s has to be founded.
func (s *State) Judge(r Record) Void {
	if s.phase == phaseHandedOver {
		return VoidHandedOver
	}
	return r.(rule).void(s)
}

// judge applies a record that decodes, unless the rules make it void.
func (s *State) judge(r Record, ms int64, leaf digest.Hash) Effect {
	void := r.(rule).void(s)
	s.push(leaf)
	e := Effect{At: s.Position(), Record: r, Void: void}
	if void == "" {
		r.(rule).carry(s, when{e.At, ms})
	} else {
		s.voids = append(s.voids, VoidRecord{e.At, r.Type(), void})
	}
	return e
}

// A rule is what a record means: why it is void at a state, which is empty if it
// is not, and what it does to the state otherwise.
type rule interface {
	void(s *State) Void
	carry(s *State, at when)
}

// when is the position after a record, and the record's time.
type when struct {
	pos Position
	ms  int64
}

// close marks the leg as closed at a sequence.
func (s *State) close(seq uint64, err error) error {
	s.closed = &ClosedError{Log: s.steward().Log, Seq: seq, Err: err}
	return s.closed
}

// push adds a record's leaf.
func (s *State) push(leaf digest.Hash) {
	if err := s.tree.Append(leaf, nil); err != nil {
		panic(err) // impossible: a leg's range begins at 0 and ends at its size
	}
	l := &s.legs[len(s.legs)-1]
	l.roots = append(l.roots, merkleindex.Bag(s.tree.Hashes))
}

// leafHash returns the leaf of a record of a roster.
func leafHash(typ string, ms int64, body []byte) (digest.Hash, error) {
	b, err := event.AppendRecord(nil, event.Event{Type: typ, Payload: body}, ms, 0)
	if err != nil {
		return digest.Hash{}, err
	}
	r, _, err := event.DecodeRecord(b)
	if err != nil {
		return digest.Hash{}, err
	}
	return r.LeafHash(), nil
}

// steward returns the leg that is being written.
func (s *State) steward() LegID {
	if len(s.legs) == 0 {
		return LegID{}
	}
	return s.legs[len(s.legs)-1].LegID
}

// size returns how many records of the newest leg were applied.
func (s *State) size() uint64 { return s.tree.End }

// hasKEM reports whether the topic has epochs, and so KEM keys and boxes.
func (s *State) hasKEM() bool { return !s.genesis.Policy.Has(identity.PolicyOpen) }
