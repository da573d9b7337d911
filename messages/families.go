// SPDX-License-Identifier: MPL-2.0

package messages

import "fmt"

// A Place is where in a conversation a message may come; several are a set.
type Place uint8

// The places.
const (
	Nowhere  Place = 0
	Greeting Place = 1 << iota >> 1 // on the control stream, before the peer's HELLO
	Meeting                         // behind it, while no topic was shared yet
	Syncing                         // from the first shared topic on
	Request                         // as the first message of any other stream
	Answer                          // behind that
)

const onControl = Greeting | Meeting | Syncing

// A family is a part of the protocol: a range of numbers, and in it the types
// there are, with where they come and how long they are.
type family struct {
	name        string
	first, last Type // and the same with FirstOptional added
	kinds       []kind
}

// A kind is what is known of a message type.
type kind struct {
	typ     Type
	name    string
	places  Place
	maxBody int // bytes
	fields  int // after the type; a sender's further ones are skipped
	decode  func(*reader) Message
}

// families is every family and message there is. Numbers 96 to 127 are free.
var families = [...]family{
	{"session", 1, 15, []kind{
		{TypeHello, "HELLO", Greeting, MaxHelloFrame, helloFields, decodeHello},
		{TypeTopics, "TOPICS", Meeting | Syncing, MaxHelloFrame, topicsFields, decodeTopics},
		{TypeLeave, "LEAVE", Meeting | Syncing, MaxShortFrame, leaveFields, decodeLeave},
		{TypeCertificate, "CERTIFICATE", Meeting | Syncing, MaxHelloFrame, certificateFields, decodeCertificate},
		{TypePing, "PING", Meeting | Syncing, MaxShortFrame, pingFields, decodePing},
		{TypePong, "PONG", Meeting | Syncing, MaxShortFrame, pingFields, decodePong},
		{TypeError, "ERROR", onControl | Answer, MaxShortFrame, endFields, decodeError},
		{TypeBye, "BYE", onControl, MaxShortFrame, endFields, decodeBye},
	}},
	{"sync", 16, 47, []kind{
		{TypePeaks, "PEAKS", Syncing, MaxFrame, peaksFields, decodePeaks},
		{TypeDiff, "DIFF", Syncing, MaxFrame, diffFields, decodeDiff},
		{TypeEvents, "EVENTS", Syncing | Answer, MaxEventsFrame, eventsFields, decodeEvents},
		{TypeSyncDone, "SYNC_DONE", Syncing, MaxFrame, syncDoneFields, decodeSyncDone},
		{TypeSubscribe, "SUBSCRIBE", Syncing, MaxFrame, subscribeFields, decodeSubscribe},
		{TypeFork, "FORK", Syncing, MaxFrame, forkFields, decodeFork},
		{TypePageRequest, "PAGE_REQUEST", Request, MaxFrame, pageRequestFields, decodePageRequest},
		{TypePageResponse, "PAGE_RESPONSE", Answer, MaxFrame, pageResponseFields, decodePageResponse},
		{TypeRangeRequest, "RANGE_REQUEST", Request, MaxFrame, rangeRequestFields, decodeRangeRequest},
		{TypeRangeResponse, "RANGE_RESPONSE", Answer, MaxEventsFrame, rangeResponseFields, decodeRangeResponse},
		{TypeProofRequest, "PROOF_REQUEST", Syncing, MaxFrame, proofRequestFields, decodeProofRequest},
		{TypeProofResponse, "PROOF_RESPONSE", Nowhere, MaxFrame, proofResponseFields, decodeProofResponse},
		{TypeHave, "HAVE", Syncing, MaxFrame, haveFields, decodeHave},
		{TypePrune, "PRUNE", Syncing, MaxFrame, pruneFields, decodePrune},
		{TypeGraft, "GRAFT", Syncing, MaxFrame, graftFields, decodeGraft},
	}},
	{"peers", 48, 55, []kind{
		{TypePeers, "PEERS", Syncing, MaxFrame, peersFields, decodePeers},
	}},
	{"cosign", 56, 63, []kind{
		{TypeCosignRequest, "COSIGN_REQUEST", Syncing, MaxFrame, cosignRequestFields, decodeCosignRequest},
		{TypeCosignResponse, "COSIGN_RESPONSE", Syncing, MaxFrame, cosignResponseFields, decodeCosignResponse},
	}},
	{"signalling", 64, 79, nil}, // of relays and hole punching
	{"extensions", 80, 95, []kind{
		{TypeOpen, "OPEN", Request, MaxHelloFrame, openFields, decodeOpen},
		{TypePresence, "PRESENCE", Syncing, MaxShortFrame, presenceFields, decodePresence},
	}},
}

// maxKnown bounds the types that are looked up.
const maxKnown = 256

var kinds = register()

// register makes the table of all types. A type outside of its family's range,
// or twice, is a flaw of this package.
func register() (all [maxKnown]*kind) {
	for i := range families {
		f := &families[i]
		for j := range f.kinds {
			k := &f.kinds[j]
			n := k.typ &^ FirstOptional
			if n < f.first || n > f.last || k.typ >= maxKnown || all[k.typ] != nil {
				panic(fmt.Sprintf("messages: type %d of family %s", k.typ, f.name))
			}
			all[k.typ] = k
		}
	}
	return all
}

// kindOf returns what is known of a type, or nil.
func kindOf(t Type) *kind {
	if t >= maxKnown {
		return nil
	}
	return kinds[t]
}
