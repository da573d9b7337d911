// SPDX-License-Identifier: MPL-2.0

package identity

import "crypto/sha256"

// mac returns HMAC-SHA256 (RFC 2104) of parts under a key of 32 bytes. A topic takes twenty
// of it when two stores meet, and crypto/hmac spends more on preparing a key than on these
// few bytes.
func mac(key *[KeyBytes]byte, parts ...[]byte) [sha256.Size]byte {
	var room [256]byte // as much as any caller needs
	in, out := room[:sha256.BlockSize], [sha256.BlockSize + sha256.Size]byte{}
	for i := range in {
		in[i], out[i] = 0x36, 0x5c
	}
	for i, b := range key {
		in[i] ^= b
		out[i] ^= b
	}
	for _, p := range parts {
		in = append(in, p...)
	}
	inner := sha256.Sum256(in)
	copy(out[sha256.BlockSize:], inner[:])
	return sha256.Sum256(out[:])
}
