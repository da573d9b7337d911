// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Forks are the rows of proofs that logs were forked. A file of the same text
// lies in forks, for people, from which the row is made again:
//
//	key    "fork " | log id (32)
//	value  fork file (package proof)
var Forks = newTable(
	Kind{Name: "the proof of a fork", Bucket: bucketMeta, Prefix: "fork ", Salvage: Keep},
	codec[digest.Hash, proof.Fork]{key: hashKey, value: proof.Fork.Encode, parseKey: parseHash, parseValue: parseFork})

func parseFork(log digest.Hash, b []byte) (proof.Fork, error) {
	f, err := ParseForkFile(b)
	if err == nil && f.Log() != log {
		err = errors.New("it is of another log")
	}
	return f, err
}

// ParseForkFile decodes and verifies the proof of a fork.
func ParseForkFile(text []byte) (proof.Fork, error) {
	f, err := proof.ParseFork(text)
	if err == nil {
		err = f.Verify()
	}
	return f, err
}
