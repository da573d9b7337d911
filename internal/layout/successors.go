// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
)

// SuccessorKeys are the rows of keys that this store's person is a successor by:
//
//	key    "successor " | public key (32)
//	value  seed of the private key (32)
var SuccessorKeys = newTable(
	Kind{Name: "a successor's key", Bucket: bucketMeta, Prefix: "successor ", Salvage: Keep, Sealed: true},
	codec[[identity.KeyBytes]byte, identity.Secret]{
		key:        func(k [identity.KeyBytes]byte) []byte { return k[:] },
		value:      func(s identity.Secret) []byte { return s[:] },
		parseKey:   parseKey32,
		parseValue: parseSuccessor,
	})

func parseKey32(b []byte) (k [identity.KeyBytes]byte, err error) {
	if err := exactly(b, identity.KeyBytes); err != nil {
		return k, err
	}
	return [identity.KeyBytes]byte(b), nil
}

func parseSuccessor(_ [identity.KeyBytes]byte, b []byte) (s identity.Secret, err error) {
	if err := exactly(b, identity.KeyBytes); err != nil {
		return s, err
	}
	if s = identity.Secret(b); s.IsZero() {
		return s, errors.New("a key of zeros")
	}
	return s, nil
}
