// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Generations is the row of the generation that the store's keys derive from:
//
//	key    "generation"
//	value  generation (16)
//
// FORMAT keeps it in case the AOF is lost; the row decides.
var Generations = newTable(
	Kind{Name: "the generation", Bucket: bucketMeta, Prefix: "generation", Salvage: Weigh, Sealed: true},
	codec[Only, identity.Generation]{
		key: onlyKey, parseKey: parseOnly,
		value: func(g identity.Generation) []byte { return g[:] },
		parseValue: func(_ Only, b []byte) (g identity.Generation, err error) {
			if err := exactly(b, len(g)); err != nil {
				return g, err
			}
			if g = identity.Generation(b); g.IsZero() {
				return g, errors.New("zeros")
			}
			return g, nil
		},
	})

// Places is the row of the place that the store's data lies in:
//
//	key    "place"
//	value  marks, as identity.Place writes them
//
// FORMAT keeps it in case the AOF is lost; the row decides.
var Places = newTable(
	Kind{Name: "the place", Bucket: bucketMeta, Prefix: "place", Salvage: Weigh},
	codec[Only, identity.Place]{
		key: onlyKey, parseKey: parseOnly,
		value:      func(p identity.Place) []byte { return []byte(p.Encode()) },
		parseValue: func(_ Only, b []byte) (identity.Place, error) { return identity.ParsePlace(string(b)) },
	})

// A Move is what a store does if it is found in another place.
type Move struct {
	From, To identity.PeerID // equal if the place was adopted; To is zero if nothing was done yet
	Why      string          // what differs, for people
	At       time.Time
	Now      bool // it was this opening that found it out; not stored
}

// Moves is the row of the newest move:
//
//	key    "moved"
//	value  From (32) | To (32) | milliseconds since 1970 u64 | why, to the end
var Moves = newTable(
	Kind{Name: "the newest move", Bucket: bucketMeta, Prefix: "moved", Salvage: Keep},
	codec[Only, *Move]{
		key: onlyKey, value: moveRow, parseKey: parseOnly, parseValue: parseMove,
		newer: func(a, b *Move) bool { return a.At.After(b.At) },
	})

const moveFixed = 32 + 32 + 8

func moveRow(m *Move) []byte {
	b := append(append([]byte(nil), m.From[:]...), m.To[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.At.UnixMilli()))
	return append(b, m.Why...)
}

func parseMove(_ Only, b []byte) (*Move, error) {
	if len(b) < moveFixed {
		return nil, fmt.Errorf("%d bytes, want at least %d", len(b), moveFixed)
	}
	return &Move{
		From: identity.PeerID(b[:32]), To: identity.PeerID(b[32:64]),
		At: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[64:moveFixed]))), Why: string(b[moveFixed:]),
	}, nil
}

// Restores is the row of a store that was restored from a backup, until it
// turned or was adopted:
//
//	key    "restored"
//	value  milliseconds since 1970 u64, of the backup
var Restores = newTable(
	Kind{Name: "the backup that it is of", Bucket: bucketMeta, Prefix: "restored", Salvage: Keep},
	timeCodec)

// timeCodec is of a row of which there is one, a time in milliseconds since 1970.
var timeCodec = codec[Only, time.Time]{
	key: onlyKey, parseKey: parseOnly, value: timeRow,
	parseValue: func(_ Only, b []byte) (time.Time, error) { return parseTime(b) },
	newer:      time.Time.After,
}

// Unmet are the rows of topics in which a store that was restored from a backup and
// adopted has not agreed with a peer yet:
//
//	key    "unmet " | topic id (32)
//	value  milliseconds since 1970 u64, of the backup
var Unmet = newTable(
	Kind{Name: "a topic without a peer since the backup", Bucket: bucketMeta, Prefix: "unmet ", Salvage: Keep},
	codec[digest.Hash, time.Time]{
		key: hashKey, parseKey: parseHash, value: timeRow,
		parseValue: func(_ digest.Hash, b []byte) (time.Time, error) { return parseTime(b) },
	})

func timeRow(at time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(at.UnixMilli()))
}

func parseTime(b []byte) (at time.Time, err error) {
	if err := exactly(b, 8); err != nil {
		return at, err
	}
	return time.UnixMilli(int64(binary.LittleEndian.Uint64(b))), nil
}
