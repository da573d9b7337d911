// SPDX-License-Identifier: MPL-2.0

package sketch

import (
	"encoding/binary"
	"fmt"
)

// A symbol on the wire:
//
//	item   u64
//	check  u48
//	count  zigzag varint: less the count that is expected of n items at its index
//
// which is 15 bytes for nearly all symbols.
const (
	fixedBytes     = 8 + checkBits/8
	MinSymbolBytes = fixedBytes + 1
	MaxSymbolBytes = fixedBytes + binary.MaxVarintLen64
)

// AppendSymbols appends the symbols of a set of n items, the first of which
// has index first.
func AppendSymbols(b []byte, n, first uint64, symbols []Symbol) []byte {
	for i, s := range symbols {
		b = binary.LittleEndian.AppendUint64(b, s.Item)
		b = binary.LittleEndian.AppendUint32(b, uint32(s.Check))
		b = binary.LittleEndian.AppendUint16(b, uint16(s.Check>>32))
		b = binary.AppendVarint(b, s.Count-int64(Expected(n, first+uint64(i))))
	}
	return b
}

// ParseSymbols reads what AppendSymbols wrote, to the last byte.
func ParseSymbols(b []byte, n, first uint64) ([]Symbol, error) {
	if n > 1<<62 || first > MaxSymbols {
		return nil, fmt.Errorf("%w: symbols from %d of %d items", ErrSketch, first, n)
	}
	symbols := make([]Symbol, 0, len(b)/MinSymbolBytes)
	for len(b) > 0 {
		if len(b) < MinSymbolBytes {
			return nil, fmt.Errorf("%w: %d bytes after the last", ErrSketch, len(b))
		}
		s := Symbol{Item: binary.LittleEndian.Uint64(b)}
		s.Check = uint64(binary.LittleEndian.Uint32(b[8:])) | uint64(binary.LittleEndian.Uint16(b[12:]))<<32
		more, used := binary.Varint(b[fixedBytes:])
		s.Count = int64(Expected(n, first+uint64(len(symbols)))) + more
		if used <= 0 || s.Count < 0 || uint64(s.Count) > n {
			return nil, fmt.Errorf("%w: a count that cannot be", ErrSketch)
		}
		symbols, b = append(symbols, s), b[fixedBytes+used:]
	}
	return symbols, nil
}
