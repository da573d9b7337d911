// SPDX-License-Identifier: MPL-2.0

package campaign

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// frame is the frame of a message, spoiled one time in ten.
func frame(rng *rand.Rand, m messages.Message) []byte {
	b, err := messages.AppendFrame(nil, m)
	if err != nil { // it is one the encoder refuses: noise then
		return evilpeer.Frame(noise(rng, 2+rng.IntN(60)))
	}
	if rng.IntN(10) > 0 {
		return b
	}
	return spoil(rng, b)
}

// spoil changes a frame, by length or content.
func spoil(rng *rand.Rand, b []byte) []byte {
	body := slices.Clone(b[4:])
	switch rng.IntN(8) {
	case 0, 1, 2: // bits
		for range 1 + rng.IntN(4) {
			body[rng.IntN(len(body))] ^= 1 << rng.IntN(8)
		}
	case 3: // a byte that means much in msgpack
		kinds := []byte{0xc0, 0xc4, 0xc6, 0xca, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xdf, 0xff}
		body[rng.IntN(len(body))] = kinds[rng.IntN(len(kinds))]
	case 4: // too short
		body = body[:rng.IntN(len(body))]
	case 5: // too long
		body = append(body, noise(rng, 1+rng.IntN(40))...)
	case 6: // a length in its middle
		if at := rng.IntN(len(body)); len(body)-at >= 4 {
			binary.BigEndian.PutUint32(body[at:], rng.Uint32())
		}
	case 7: // a part twice
		at := rng.IntN(len(body))
		body = slices.Insert(body, at, body[at:min(at+rng.IntN(50), len(body))]...)
	}
	return evilpeer.Frame(body)
}
