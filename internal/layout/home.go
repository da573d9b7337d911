// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// A Home is the topic of the devices of one person, if this store is one of them.
type Home struct {
	Topic digest.Hash
	Root  *seal.PublicKey // the person's root KEM key; nil if it is not known yet
}

// Homes is the row of the home topic:
//
//	key    "home"
//	value  topic id (32) | root KEM key (1216), or nothing if it is not known yet
//
// Neither is a secret. What opens the topic lies in the rows that every topic has.
var Homes = newTable(
	Kind{Name: "the home topic", Bucket: bucketMeta, Prefix: "home", Salvage: Keep},
	codec[Only, Home]{
		key: onlyKey, value: homeRow, parseKey: parseOnly, parseValue: parseHome,
		newer: func(a, b Home) bool { return a.Root != nil && b.Root == nil },
	})

func homeRow(h Home) []byte {
	b := append([]byte(nil), h.Topic[:]...)
	if h.Root != nil {
		b = append(b, h.Root[:]...)
	}
	return b
}

func parseHome(_ Only, b []byte) (h Home, err error) {
	if n := len(b); n != digest.Size && n != digest.Size+seal.PublicKeyBytes {
		return h, fmt.Errorf("%d bytes, want %d, or %d", n, digest.Size, digest.Size+seal.PublicKeyBytes)
	}
	if h.Topic = digest.Hash(b); h.Topic.IsZero() {
		return h, errors.New("a topic of zeros")
	}
	if rest := b[digest.Size:]; len(rest) > 0 {
		root := seal.PublicKey(rest)
		h.Root = &root
	}
	return h, nil
}
