// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Tip is a log's root at a size.
type Tip struct {
	Size uint64
	Root digest.Hash
}

// Cosigned are the rows of the largest head of each log that this store
// cosigned:
//
//	key    "cosigned " | log id (32)
//	value  size u64 | root (32)
var Cosigned = newTable(
	Kind{Name: "what was cosigned", Bucket: bucketMeta, Prefix: "cosigned ", Salvage: Keep},
	tipCodec)

var tipCodec = codec[digest.Hash, Tip]{
	key: hashKey, parseKey: parseHash, newer: func(a, b Tip) bool { return a.Size > b.Size },
	value: func(t Tip) []byte { return append(binary.LittleEndian.AppendUint64(nil, t.Size), t.Root[:]...) },
	parseValue: func(_ digest.Hash, b []byte) (t Tip, err error) {
		if err := exactly(b, 8+digest.Size); err != nil {
			return t, err
		}
		return Tip{binary.LittleEndian.Uint64(b), digest.Hash(b[8:])}, nil
	},
}

// Forgets is the row of a store that may have cosigned newer heads than its rows
// say, as its AOF was made again or is of an earlier time. While it is there,
// nothing is cosigned:
//
//	key    "forgot"
//	value  milliseconds since 1970 u64, when that was found out
var Forgets = newTable(
	Kind{Name: "that cosigned heads were forgotten", Bucket: bucketMeta, Prefix: "forgot", Salvage: Keep},
	timeCodec)

// A CosignedHead is a head with cosignatures that were collected for it.
type CosignedHead struct {
	Head   proof.Head
	Cosigs []proof.Cosignature // at most proof.MaxCosignatures, each of another witness
}

// Cosignatures are the rows of collected cosignatures: for each head of a log,
// newest first,
//
//	key    "cosignatures " | log id (32)
//
//	offset  bytes  field
//	     0      8  head size
//	     8     32  head root
//	    40     64  head signature
//	   104      1  n, cosignatures
//	   105  n·104  witness (32), time u64, signature (64)
var Cosignatures = newTable(
	Kind{Name: "cosignatures", Bucket: bucketMeta, Prefix: "cosignatures ", Salvage: Keep},
	codec[digest.Hash, []CosignedHead]{key: hashKey, value: cosignaturesRow, parseKey: parseHash, parseValue: parseCosignatures, newer: newerCosigned})

func newerCosigned(a, b []CosignedHead) bool {
	return len(a) > 0 && (len(b) == 0 || a[0].Head.Size > b[0].Head.Size)
}

const (
	cosigBytes = 32 + 8 + 64
	cosigHead  = 8 + 32 + 64 + 1
)

func cosignaturesRow(all []CosignedHead) []byte {
	var row []byte
	for _, c := range all {
		row = binary.LittleEndian.AppendUint64(row, c.Head.Size)
		row = append(append(row, c.Head.Root[:]...), c.Head.Sig[:]...)
		cosigs := c.Cosigs[:min(len(c.Cosigs), proof.MaxCosignatures)]
		row = append(row, byte(len(cosigs)))
		for _, one := range cosigs {
			row = binary.LittleEndian.AppendUint64(append(row, one.Witness[:]...), one.Time)
			row = append(row, one.Sig[:]...)
		}
	}
	return row
}

func parseCosignatures(log digest.Hash, b []byte) (all []CosignedHead, err error) {
	for len(b) > 0 {
		if len(b) < cosigHead || len(b) < cosigHead+int(b[cosigHead-1])*cosigBytes {
			return nil, errors.New("the row is too short")
		}
		c := CosignedHead{Head: proof.Head{Log: log, Size: binary.LittleEndian.Uint64(b), Root: digest.Hash(b[8:])}}
		copy(c.Head.Sig[:], b[40:])
		n := int(b[cosigHead-1])
		for b = b[cosigHead:]; n > 0; n, b = n-1, b[cosigBytes:] {
			one := proof.Cosignature{Witness: [32]byte(b), Time: binary.LittleEndian.Uint64(b[32:])}
			copy(one.Sig[:], b[40:])
			c.Cosigs = append(c.Cosigs, one)
		}
		all = append(all, c)
	}
	return all, nil
}
