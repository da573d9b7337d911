// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// MaxFollowed is how many logs and authors of a topic a store can follow by
// name.
const MaxFollowed = messages.MaxFollowed - 1 // and its own log

// Follows are the rows that say which logs of a topic a store follows, if those
// are not all:
//
//	key    "follow " | topic id (32)
//	value  ids of logs and keys of authors (32 each), increasing
var Follows = newTable(
	Kind{Name: "what is followed of a topic", Bucket: bucketMeta, Prefix: "follow ", Salvage: Keep},
	codec[digest.Hash, []digest.Hash]{key: hashKey, value: followRow, parseKey: parseHash, parseValue: parseFollow})

// MaxLegs is how many legs of a topic's roster a store keeps beside the first.
const MaxLegs = 1024

// Legs are the rows that say which later legs of a topic's roster are here, so that
// nobody goes through all logs to find them:
//
//	key    "legs " | topic id (32)
//	value  ids of logs (32 each), increasing
//
// Such a row is written with the rows of its logs.
var Legs = newTable(
	Kind{Name: "the later legs of a topic's roster", Bucket: bucketMeta, Prefix: "legs ", Salvage: Keep},
	codec[digest.Hash, []digest.Hash]{key: hashKey, value: followRow, parseKey: parseHash, parseValue: parseFollow})

// Invited are the rows of the places that invites to topics of members named: of the newest
// invite of each that this store joined by.
//
//	key    "invited " | topic id (32)
//	value  roster position (46)
var Invited = newTable(
	Kind{Name: "the place of the roster that an invite named", Bucket: bucketMeta, Prefix: "invited ", Salvage: Keep}, positionCodec)

// Resumed are the rows of rosters that this store writes, of which it may hold an older copy:
// it was restored from a backup and adopted, and held this much.
//
//	key    "resumed " | topic id (32)
//	value  roster position (46)
var Resumed = newTable(
	Kind{Name: "how much a store that was restored held of a roster that it writes", Bucket: bucketMeta, Prefix: "resumed ", Salvage: Keep}, positionCodec)

var positionCodec = codec[digest.Hash, identity.Position]{
	key: hashKey, parseKey: parseHash,
	value:      func(p identity.Position) []byte { return p.Append(nil) },
	parseValue: func(_ digest.Hash, b []byte) (identity.Position, error) { return identity.ParsePosition(b) },
}

// SignedLegs are the rows that say of how much of a leg all signatures in its records were
// found right, so that they are not looked at again when the store is opened:
//
//	key    "signed " | log id (32)
//	value  size u64 | root (32)
var SignedLegs = newTable(
	Kind{Name: "how much of a leg is verified", Bucket: bucketMeta, Prefix: "signed ", Salvage: GiveUp},
	tipCodec)

func followRow(names []digest.Hash) []byte {
	value := make([]byte, 0, len(names)*digest.Size)
	for _, n := range names {
		value = append(value, n[:]...)
	}
	return value
}

func parseFollow(_ digest.Hash, b []byte) ([]digest.Hash, error) {
	n := len(b) / digest.Size
	if len(b)%digest.Size != 0 || n > MaxFollowed {
		return nil, fmt.Errorf("%d bytes, want at most %d names of %d", len(b), MaxFollowed, digest.Size)
	}
	names := make([]digest.Hash, 0, n)
	for ; len(b) > 0; b = b[digest.Size:] {
		names = append(names, digest.Hash(b))
	}
	for i := 1; i < len(names); i++ {
		if bytes.Compare(names[i-1][:], names[i][:]) >= 0 {
			return nil, errors.New("the names do not increase")
		}
	}
	return names, nil
}
