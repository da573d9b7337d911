// SPDX-License-Identifier: MPL-2.0

package messages

import "strconv"

// A Type is the number of a message on the wire. Numbers are never reused.
type Type uint16

// The message types of XSP 2, in the ranges of their families (families.go).
const (
	TypeHello       Type = 1
	TypeTopics      Type = 2
	TypeLeave       Type = 3
	TypeCertificate Type = 4
	TypePing        Type = 5
	TypePong        Type = 6
	TypeError       Type = 11
	TypeBye         Type = 12

	TypePeaks         Type = 16
	TypeDiff          Type = 17
	TypeEvents        Type = 18
	TypeSyncDone      Type = 19
	TypeSubscribe     Type = 20
	TypeFork          Type = 21
	TypePageRequest   Type = 22
	TypePageResponse  Type = 23
	TypeRangeRequest  Type = 24
	TypeRangeResponse Type = 25
	TypeProofRequest  Type = 26
	TypeProofResponse Type = 27

	TypePeers Type = 48

	TypeCosignRequest  Type = 56
	TypeCosignResponse Type = 57

	TypeOpen Type = 80

	// FirstOptional is the first type a receiver may ignore. A family's types
	// that may be ignored are in its range with FirstOptional added.
	FirstOptional Type = 128

	TypeHave     = FirstOptional + 16
	TypePrune    = FirstOptional + 17
	TypeGraft    = FirstOptional + 18
	TypePresence = FirstOptional + 80
)

// A Message is one of the structs of this package, as a pointer.
type Message interface {
	// Type is the message's number on the wire.
	Type() Type
	encode(*writer)
}

// String returns the type's name in the protocol document.
func (t Type) String() string {
	if k := kindOf(t); k != nil {
		return k.name
	}
	return "type " + strconv.Itoa(int(t))
}

// MaxBody returns the longest body in bytes that a message of type t may have.
func (t Type) MaxBody() int {
	if k := kindOf(t); k != nil {
		return k.maxBody
	}
	return MaxFrame
}

// Comes reports whether a message of type t may come at a place. One that is
// not known and may be ignored comes wherever there are messages.
func (t Type) Comes(at Place) bool {
	if k := kindOf(t); k != nil {
		return k.places&at != 0
	}
	return t >= FirstOptional && at != Nowhere
}
