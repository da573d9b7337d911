// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A FormerKey names a key that a store signed its log of a topic with before it
// became another device.
type FormerKey struct {
	Topic  digest.Hash
	Author [32]byte
}

// Formers are the rows of logs that a store signed with such a key:
//
//	key    "former " | topic id (32) | author key (32)
//	value  log id (32)
var Formers = newTable(
	Kind{Name: "a former log", Bucket: bucketMeta, Prefix: "former ", Salvage: Keep},
	codec[FormerKey, digest.Hash]{
		key:   func(k FormerKey) []byte { return append(k.Topic[:], k.Author[:]...) },
		value: hashKey,
		parseKey: func(b []byte) (k FormerKey, err error) {
			if err := exactly(b, 64); err != nil {
				return k, err
			}
			return FormerKey{digest.Hash(b[:32]), [32]byte(b[32:])}, nil
		},
		parseValue: func(_ FormerKey, b []byte) (digest.Hash, error) { return parseHash(b) },
	})

// A Copy is a log of a device that was made as a copy of this one.
type Copy struct {
	Topic, Log digest.Hash
	Author     [32]byte
	Seen       time.Time // when its first event came here
}

// Copies are the rows of the copies that are known of:
//
//	key    "copy " | log id (32)
//	value  topic id (32) | author key (32) | milliseconds since 1970 u64
var Copies = newTable(
	Kind{Name: "a copy", Bucket: bucketMeta, Prefix: "copy ", Salvage: Keep},
	codec[digest.Hash, Copy]{key: hashKey, value: copyRow, parseKey: parseHash, parseValue: parseCopy})

const copyBytes = 32 + 32 + 8

func copyRow(c Copy) []byte {
	b := append(append(make([]byte, 0, copyBytes), c.Topic[:]...), c.Author[:]...)
	return binary.LittleEndian.AppendUint64(b, uint64(c.Seen.UnixMilli()))
}

func parseCopy(log digest.Hash, b []byte) (c Copy, err error) {
	if err := exactly(b, copyBytes); err != nil {
		return c, err
	}
	return Copy{
		Log: log, Topic: digest.Hash(b[:32]), Author: [32]byte(b[32:64]),
		Seen: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[64:]))),
	}, nil
}
