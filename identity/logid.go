// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A LogKind is what a log is for.
type LogKind uint8

// The kinds of logs.
const (
	KindData   LogKind = 0 // a device's events; numbers 0, 1, 2… as admitted
	KindRoster LogKind = 1 // a leg of the roster; RosterNumber
	KindBoxes  LogKind = 2 // the key boxes of a leg's steward; RosterNumber
)

// String returns the kind's name.
func (k LogKind) String() string {
	switch k {
	case KindData:
		return "data"
	case KindRoster:
		return "roster"
	case KindBoxes:
		return "boxes"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Valid reports whether k is one of the kinds above.
func (k LogKind) Valid() bool { return k <= KindBoxes }

// RosterPageBytes is the page size of every log of kind roster and boxes.
const RosterPageBytes = 4096

// RosterNumber returns the number of the roster log, and of the log of boxes,
// of a term's leg. Both count from 0.
func RosterNumber(term, leg uint32) uint64 { return uint64(term)<<32 | uint64(leg) }

// SplitRosterNumber is the opposite of RosterNumber.
func SplitRosterNumber(number uint64) (term, leg uint32) { return uint32(number >> 32), uint32(number) }

// LogID returns the id of the log of a kind that author writes in topic in
// pages of pageBytes bytes.
func LogID(topic TopicID, author [KeyBytes]byte, pageBytes uint32, kind LogKind, number uint64) digest.Hash {
	var size [4]byte
	var n [8]byte
	binary.LittleEndian.PutUint32(size[:], pageBytes)
	binary.LittleEndian.PutUint64(n[:], number)
	return digest.Tagged(tagLog, topic[:], author[:], size[:], []byte{byte(kind)}, n[:])
}

// A LogName is all that a log's id follows from.
type LogName struct {
	Topic     TopicID
	Author    [KeyBytes]byte // Ed25519 public key
	PageBytes uint32
	Kind      LogKind
	Number    uint64
}

// ID returns the log's id.
func (n LogName) ID() digest.Hash { return LogID(n.Topic, n.Author, n.PageBytes, n.Kind, n.Number) }

// DataLog names the log that author writes in an open topic without having been
// admitted: its data log number 0, in pages of the size that genesis says.
func DataLog(topic TopicID, author [KeyBytes]byte, pageBytes uint32) LogName {
	return LogName{Topic: topic, Author: author, PageBytes: pageBytes, Kind: KindData}
}

// RosterLog names a leg of a topic's roster.
func RosterLog(topic TopicID, steward [KeyBytes]byte, term, leg uint32) LogName {
	return LogName{Topic: topic, Author: steward, PageBytes: RosterPageBytes, Kind: KindRoster, Number: RosterNumber(term, leg)}
}

// BoxLog names the log of key boxes of the steward who writes a leg of a roster.
func BoxLog(topic TopicID, steward [KeyBytes]byte, term, leg uint32) LogName {
	n := RosterLog(topic, steward, term, leg)
	n.Kind = KindBoxes
	return n
}
