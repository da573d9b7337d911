// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Stretch is the events [From, To) of a log that has a root at To.
type Stretch struct {
	From, To uint64
	Root     digest.Hash
}

// Unasked are the rows by which a steward knows of a data log a stretch in which nothing is
// asked for, so that it does not read all of the log when the store is opened:
//
//	key    "unasked " | log id (32)
//	value  from u64 | to u64, not below it | root at to (32)
var Unasked = newTable(
	Kind{Name: "where in a log nothing is asked for", Bucket: bucketMeta, Prefix: "unasked ", Salvage: GiveUp},
	codec[digest.Hash, Stretch]{
		key: hashKey, parseKey: parseHash,
		value: func(s Stretch) []byte {
			b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, s.From), s.To)
			return append(b, s.Root[:]...)
		},
		parseValue: func(_ digest.Hash, b []byte) (s Stretch, err error) {
			if err := exactly(b, 16+digest.Size); err != nil {
				return s, err
			}
			s = Stretch{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), digest.Hash(b[16:])}
			if s.From > s.To {
				return s, fmt.Errorf("events %d to %d", s.From, s.To)
			}
			return s, nil
		},
	})
