// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Types of events. The key of all but TypeRoot is a topic id, that of TypeGone a device's
// key in the home topic.
const (
	TypeRoot   = "root"
	TypeTopic  = "topic"
	TypeCard   = "card"
	TypeDevice = "device"
	TypeName   = "petname"
	TypeKey    = "key"
	TypeGone   = "gone"
)

// MaxPlaces is how many places of peers a statement names.
const MaxPlaces = 8

// A Statement is what a device says of a topic that it is in, or was.
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1      1  flags: 1 it is the device's default topic, 2 an account is named, 4 with its box,
//	                 8 the device left it
//	     2      2  g, length of the genesis
//	     4      g  genesis body
//	   4+g     32  lobby key
//	  36+g     32  join key
//	  68+g      1  p: 46 if a roster position follows, else 0
//	  69+g      p  position of the roster that the join key is of
//	     …      8  when the name was given, milliseconds since 1970
//	     …      1  n, length of the name, at most 64
//	     …      n  name
//	     …     32  the person's account in the topic (if flagged)
//	     …   1168  its secret in a recovery box (if flagged)
//	     …      1  number of places, at most 8; each:
//	     …     34  peer id, length h of the host
//	     …      h  host
//
// The keys are those of the genesis. A box is there only if an account is.
type Statement struct {
	Genesis *identity.Genesis
	Keys    identity.TopicKeys
	Roster  *identity.Position
	Default bool
	Left    bool
	Name    string
	Named   uint64
	Account roster.Key // zeros if the device has none
	Box     []byte     // nil if the device does not have the secret
	Places  []identity.Address
}

const (
	flagDefault = 1 << iota
	flagAccount
	flagBox
	flagLeft
)

// Topic returns the topic's id.
func (s *Statement) Topic() digest.Hash { return s.Genesis.ID() }

// Append appends s's bytes to b.
func (s *Statement) Append(b []byte) []byte {
	b = appendSized(append(b, version, s.flags()), s.Genesis.Append(nil))
	b = append(append(b, s.Keys.Lobby[:]...), s.Keys.Join[:]...)
	if s.Roster == nil {
		b = append(b, 0)
	} else {
		b = s.Roster.Append(append(b, identity.PositionBytes))
	}
	b = binary.LittleEndian.AppendUint64(b, s.Named)
	b = append(append(b, byte(len(s.Name))), s.Name...)
	if !s.Account.IsZero() {
		b = append(append(b, s.Account[:]...), s.Box...)
	}
	b = append(b, byte(len(s.Places)))
	for _, a := range s.Places {
		b = appendSized(append(b, a.Peer[:]...), []byte(a.Host))
	}
	return b
}

func (s *Statement) flags() (f byte) {
	if s.Default {
		f |= flagDefault
	}
	if !s.Account.IsZero() {
		f |= flagAccount
	}
	if len(s.Box) > 0 {
		f |= flagBox
	}
	if s.Left {
		f |= flagLeft
	}
	return f
}

// ParseStatement decodes what Append wrote. The error is ErrMalformed.
func ParseStatement(b []byte) (*Statement, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	s, flags := &Statement{}, byte(r.uint(1))
	if flags&^(flagDefault|flagAccount|flagBox|flagLeft) != 0 || flags&flagBox != 0 && flags&flagAccount == 0 {
		return nil, malformed("flags %d", flags)
	}
	s.Default, s.Left = flags&flagDefault != 0, flags&flagLeft != 0
	if err := s.readKeys(r); err != nil {
		return nil, err
	}
	if err := s.readName(r); err != nil {
		return nil, err
	}
	if flags&flagAccount != 0 {
		if s.Account = r.key(); s.Account.IsZero() {
			return nil, malformed("an account of zeros")
		}
	}
	if flags&flagBox != 0 {
		s.Box = bytes.Clone(r.take(roster.RecoveryBytes))
	}
	if err := s.readPlaces(r); err != nil {
		return nil, err
	}
	return s, r.end()
}

// readKeys reads what the topic is, and what opens it.
func (s *Statement) readKeys(r *reader) (err error) {
	body := r.sized()
	if s.Genesis, err = identity.ParseGenesis(body); err != nil {
		return malformed("%v", err)
	}
	s.Keys = identity.TopicKeys{Lobby: r.key(), Join: r.key()}
	if identity.LobbyHash(s.Keys.Lobby) != s.Genesis.LobbyHash {
		return malformed("its lobby key is not that of its genesis")
	}
	if s.Genesis.Policy.Has(identity.PolicyOpen) && identity.JoinHash(s.Keys.Join) != s.Genesis.JoinHash {
		return malformed("its join key is not that of its genesis")
	}
	switch n := r.uint(1); n {
	case 0:
	case identity.PositionBytes:
		p, err := identity.ParsePosition(r.take(identity.PositionBytes))
		if err != nil {
			return malformed("%v", err)
		}
		s.Roster = &p
	default:
		return malformed("a roster position of %d bytes", n)
	}
	return nil
}

func (s *Statement) readName(r *reader) error {
	s.Named = r.uint(8)
	s.Name = string(r.take(int(r.uint(1))))
	if err := identity.CheckInviteName(s.Name); err != nil {
		return malformed("%v", err)
	}
	return nil
}

func (s *Statement) readPlaces(r *reader) error {
	n := r.uint(1)
	if n > MaxPlaces {
		return malformed("%d places, limit %d", n, MaxPlaces)
	}
	for range n {
		a := identity.Address{Peer: r.key()}
		a.Host = string(r.sized())
		if again, err := identity.ParseAddress(a.String()); err != nil || again != a || identity.CheckHost(a.Host) != nil {
			return malformed("%q is no place on a network", a.Host)
		}
		s.Places = append(s.Places, a)
	}
	return nil
}
