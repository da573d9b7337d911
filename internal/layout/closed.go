// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Closings is the row of how often the store was closed in order:
//
//	key    "closed"
//	value  u64
//
// CLOSED says the same, and is written after the row is committed. So an AOF that
// says less than the file was put back from an earlier time, also if no page tells.
var Closings = newTable(
	Kind{Name: "how often the store was closed", Bucket: bucketMeta, Prefix: "closed", Salvage: Weigh},
	codec[Only, uint64]{
		key: onlyKey, parseKey: parseOnly,
		value: func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) },
		parseValue: func(_ Only, b []byte) (uint64, error) {
			if err := exactly(b, 8); err != nil {
				return 0, err
			}
			return binary.LittleEndian.Uint64(b), nil
		},
	})

// CLOSED is a text file. Each line ends with a line feed:
//
//	closed <decimal>
//	check <16 hexadecimal digits>
//
// The check is the start of the tagged hash of the line above it.
const closedCheckTag = "xaeroflux closed check v1"

// EncodeClosed writes the text of CLOSED.
func EncodeClosed(n uint64) []byte {
	b := fmt.Appendf(nil, "closed %d\n", n)
	sum := digest.Tagged(closedCheckTag, b)
	return append(b, "check "+hex.EncodeToString(sum[:8])+"\n"...)
}

// ParseClosed returns the number in the text of CLOSED. A text that was damaged
// says nothing: 0.
func ParseClosed(b []byte) uint64 {
	var n uint64
	first, _, _ := strings.Cut(string(b), "\n")
	if _, err := fmt.Sscanf(first, "closed %d", &n); err != nil || string(EncodeClosed(n)) != string(b) {
		return 0
	}
	return n
}
