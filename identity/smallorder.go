// SPDX-License-Identifier: MPL-2.0

package identity

// The y coordinates of the eight points whose order divides eight, little-
// endian, without the sign bit; 0, 1 and p-1 are written out in SmallOrder.
var (
	order8a = [KeyBytes]byte{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}
	order8b = [KeyBytes]byte{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	}
)

// SmallOrder reports whether pub is the encoding of an Ed25519 point that is
// no fit key for a peer or an author: a point of small order, under which a
// signature can be made without a private key, or one that is not written in
// the one canonical way, which would give one key two names.
//
// It does not tell whether pub is a point at all: no signature verifies under
// bytes that are not.
func SmallOrder(pub [KeyBytes]byte) bool {
	y := pub
	y[KeyBytes-1] &= 0x7f
	if y == order8a || y == order8b {
		return true
	}
	if y[KeyBytes-1] == 0x7f && allBytes(y[1:KeyBytes-1], 0xff) {
		return y[0] >= 0xec // p-1, the point of order two, and p to 2^255-1, none of them canonical
	}
	return y[0] <= 1 && allBytes(y[1:], 0) // orders four and one, with either sign
}

func allBytes(b []byte, want byte) bool {
	for _, c := range b {
		if c != want {
			return false
		}
	}
	return true
}
