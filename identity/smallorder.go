// SPDX-License-Identifier: MPL-2.0

package identity

import "encoding/hex"

// smallOrder lists the encodings, canonical or not, of the points of order 1,
// 2, 4 and 8 on edwards25519, with the sign bit cleared. A signature under such
// a key can be made without knowing a secret, for many messages at once
// (Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs", 2020).
var smallOrder = func() map[[32]byte]bool {
	all := map[[32]byte]bool{}
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"0100000000000000000000000000000000000000000000000000000000000000", // order 1
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2: p-1
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, which is 0
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p+1, which is 1
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic("identity: " + err.Error())
		}
		all[[32]byte(b)] = true
	}
	return all
}()

// SmallOrder reports whether pub is a public key of small order, which must
// not be taken as anybody's.
func SmallOrder(pub [32]byte) bool {
	pub[31] &= 0x7f
	return smallOrder[pub]
}
