// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A Written is where an event with an id is.
type Written struct {
	Log  digest.Hash
	Seq  uint64
	Time int64 // milliseconds since 1970
}

// IDs are the rows of the event ids that this store appended events with, over
// all logs that it ever wrote in a topic:
//
//	key    first 16 bytes of tagged("xaeroflux event id v1", key of the store, topic id, event id)
//	value  log id (32) | sequence u48 | time u48
//
// So the rows alone tell nobody which ids there are. They follow from the events
// and the seed.
var IDs = newTable(
	Kind{Name: "the row of an event id", Bucket: bucketIDs, Salvage: Rebuild},
	codec[messages.IDKey, Written]{
		key:   func(k messages.IDKey) []byte { return k[:] },
		value: writtenRow,
		parseKey: func(b []byte) (k messages.IDKey, err error) {
			if err := exactly(b, len(k)); err != nil {
				return k, err
			}
			return messages.IDKey(b), nil
		},
		parseValue: parseWritten,
	})

const (
	labelIDRows  = "xaeroflux event id rows v1" // HKDF of the seed
	tagIDRow     = "xaeroflux event id v1"
	writtenBytes = digest.Size + 6 + 6
)

// IDSecret returns the key of a store that hides ids in rows.
func IDSecret(seed identity.Seed) []byte {
	k, err := hkdf.Key(sha256.New, seed[:], nil, labelIDRows, sha256.Size)
	if err != nil {
		panic(err) // impossible: 32 bytes are always to be had
	}
	return k
}

// IDKey returns the key of the row of an event id in a topic.
func IDKey(secret []byte, topic digest.Hash, id event.ID) messages.IDKey {
	h := digest.Tagged(tagIDRow, secret, topic[:], id[:])
	return messages.IDKey(h[:])
}

func writtenRow(w Written) []byte {
	b := append(make([]byte, 0, writtenBytes+2), w.Log[:]...)
	b = binary.LittleEndian.AppendUint64(b, w.Seq)[:digest.Size+6]
	return binary.LittleEndian.AppendUint64(b, uint64(w.Time))[:writtenBytes]
}

func parseWritten(_ messages.IDKey, b []byte) (w Written, err error) {
	if err := exactly(b, writtenBytes); err != nil {
		return w, err
	}
	u48 := func(b []byte) uint64 {
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
	}
	return Written{Log: digest.Hash(b[:32]), Seq: u48(b[32:]), Time: int64(u48(b[38:]))}, nil
}
