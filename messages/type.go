// SPDX-License-Identifier: MPL-2.0

package messages

import "strconv"

// A Type is the number of a message on the wire. Numbers are never reused.
type Type uint16

// The message types of XSP 1.
const (
	TypeHello          Type = 1
	TypePeaks          Type = 2
	TypeDiff           Type = 3
	TypePageRequest    Type = 4
	TypePageResponse   Type = 5
	TypeEvents         Type = 6
	TypeProofRequest   Type = 7
	TypeProofResponse  Type = 8
	TypeSyncDone       Type = 9
	TypePeers          Type = 10
	TypeError          Type = 11
	TypeBye            Type = 12
	TypeFork           Type = 13
	TypeCosignRequest  Type = 14
	TypeCosignResponse Type = 15
	TypeSubscribe      Type = 16
	TypeRangeRequest   Type = 17
	TypeRangeResponse  Type = 18

	// FirstOptional is the first type a receiver may ignore.
	FirstOptional Type = 128
)

// A Message is one of the structs of this package, as a pointer.
type Message interface {
	// Type is the message's number on the wire.
	Type() Type
	encode(*writer)
}

// A kind is what the frame code knows about a message type.
type kind struct {
	name    string
	maxBody int // bytes
	fields  int // after the type; a sender's further ones are skipped
	decode  func(*reader) Message
}

var kinds = [...]kind{
	TypeHello:          {"HELLO", MaxHelloFrame, helloFields, decodeHello},
	TypePeaks:          {"PEAKS", MaxFrame, peaksFields, decodePeaks},
	TypeDiff:           {"DIFF", MaxFrame, diffFields, decodeDiff},
	TypePageRequest:    {"PAGE_REQUEST", MaxFrame, pageRequestFields, decodePageRequest},
	TypePageResponse:   {"PAGE_RESPONSE", MaxFrame, pageResponseFields, decodePageResponse},
	TypeEvents:         {"EVENTS", MaxEventsFrame, eventsFields, decodeEvents},
	TypeProofRequest:   {"PROOF_REQUEST", MaxFrame, proofRequestFields, decodeProofRequest},
	TypeProofResponse:  {"PROOF_RESPONSE", MaxFrame, proofResponseFields, decodeProofResponse},
	TypeSyncDone:       {"SYNC_DONE", MaxFrame, syncDoneFields, decodeSyncDone},
	TypePeers:          {"PEERS", MaxFrame, peersFields, decodePeers},
	TypeError:          {"ERROR", MaxFrame, endFields, decodeError},
	TypeBye:            {"BYE", MaxFrame, endFields, decodeBye},
	TypeFork:           {"FORK", MaxFrame, forkFields, decodeFork},
	TypeCosignRequest:  {"COSIGN_REQUEST", MaxFrame, cosignRequestFields, decodeCosignRequest},
	TypeCosignResponse: {"COSIGN_RESPONSE", MaxFrame, cosignResponseFields, decodeCosignResponse},
	TypeSubscribe:      {"SUBSCRIBE", MaxFrame, subscribeFields, decodeSubscribe},
	TypeRangeRequest:   {"RANGE_REQUEST", MaxFrame, rangeRequestFields, decodeRangeRequest},
	TypeRangeResponse:  {"RANGE_RESPONSE", MaxEventsFrame, rangeResponseFields, decodeRangeResponse},

	TypeHave:  {"HAVE", MaxFrame, haveFields, decodeHave},
	TypePrune: {"PRUNE", MaxFrame, pruneFields, decodePrune},
	TypeGraft: {"GRAFT", MaxFrame, graftFields, decodeGraft},
}

func (t Type) known() bool { return int(t) < len(kinds) && kinds[t].decode != nil }

// String returns the type's name in the protocol document.
func (t Type) String() string {
	if t.known() {
		return kinds[t].name
	}
	return "type " + strconv.Itoa(int(t))
}

// MaxBody returns the longest body in bytes that a message of type t may have.
func (t Type) MaxBody() int {
	if t.known() {
		return kinds[t].maxBody
	}
	return MaxFrame
}
