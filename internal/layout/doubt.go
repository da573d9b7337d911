// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Doubts are the rows of heads of ranges that did not continue their log, the
// first of each log: it proves a fork once the log has its size.
//
//	key    "doubt " | log id (32)
//	value  size u64 | root (32) | signature (64)
var Doubts = newTable(
	Kind{Name: "a head in doubt", Bucket: bucketMeta, Prefix: "doubt ", Salvage: Keep},
	codec[digest.Hash, proof.Head]{key: hashKey, value: doubtRow, parseKey: parseHash, parseValue: parseDoubt})

const doubtBytes = 8 + digest.Size + 64

func doubtRow(h proof.Head) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, doubtBytes), h.Size)
	return append(append(b, h.Root[:]...), h.Sig[:]...)
}

func parseDoubt(log digest.Hash, b []byte) (h proof.Head, err error) {
	if err := exactly(b, doubtBytes); err != nil {
		return h, err
	}
	h = proof.Head{Log: log, Size: binary.LittleEndian.Uint64(b), Root: digest.Hash(b[8:])}
	copy(h.Sig[:], b[40:])
	return h, nil
}
