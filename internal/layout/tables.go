// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Names of the buckets that hold small rows.
const (
	bucketTopics  = "topics"
	bucketPeers   = "peers"
	bucketCursors = "cursors"
	bucketMeta    = "meta"
	bucketRanges  = "ranges"
	bucketIDs     = "ids"
)

// Kinds are all kinds of rows. No row is of two.
var Kinds = []*Kind{
	&Topics.Kind, &Agreements.Kind, &Peers.Kind, &Progress.Kind,
	&Generations.Kind, &Places.Kind, &Closings.Kind, &Moves.Kind, &Restores.Kind, &Unmet.Kind, &Formers.Kind, &Copies.Kind,
	&Defaults.Kind, &Homes.Kind, &SuccessorKeys.Kind, &Petnames.Kind, &NamedLogs.Kind, &Follows.Kind, &Legs.Kind, &Invited.Kind, &Resumed.Kind, &SignedLegs.Kind, &Unasked.Kind, &KEMKeys.Kind, &EpochSecrets.Kind, &Forks.Kind, &Cosigned.Kind, &Forgets.Kind, &Cosignatures.Kind, &Doubts.Kind,
	&Ranges.Kind, &IDs.Kind,
}

// Buckets returns the names of the buckets that rows are in.
func Buckets() []string {
	return []string{bucketTopics, bucketPeers, bucketCursors, bucketMeta, bucketRanges, bucketIDs}
}

// KindOf returns the kind of a row, or nil if there is none.
func KindOf(bucket string, key []byte) *Kind {
	for _, k := range Kinds {
		if k.claims(bucket, key) {
			return k
		}
	}
	return nil
}

// Check decodes a row of any kind. The error is a *corrupt.Error, also for a row
// that is of no kind.
func Check(bucket string, key, value []byte) error {
	k := KindOf(bucket, key)
	if k == nil {
		return &corrupt.Error{Where: "aof, " + bucket, What: fmt.Sprintf("a row under %q, which is of no kind that this program knows", key)}
	}
	return k.Check(key, value)
}

// Salvaged reports whether a repair keeps a row as it is.
func Salvaged(bucket string, key, value []byte) bool {
	k := KindOf(bucket, key)
	return k != nil && k.Salvage == Keep && k.Check(key, value) == nil
}

// AsideLine is the line of damaged/<time>/rows.json that keeps a row which a
// repair takes out: a JSON object with key and value in hexadecimal digits.
func AsideLine(bucket string, key, value []byte) []byte {
	return fmt.Appendf(nil, "{\"bucket\":%q,\"key\":\"%x\",\"value\":\"%x\"}\n", bucket, key, value)
}

// An Only is the key of a row of which there is one.
type Only struct{}

func onlyKey(Only) []byte { return nil }

func parseOnly(b []byte) (Only, error) { return Only{}, exactly(b, 0) }

func hashKey(h digest.Hash) []byte { return h[:] }

func parseHash(b []byte) (digest.Hash, error) {
	if err := exactly(b, digest.Size); err != nil {
		return digest.Hash{}, err
	}
	return digest.Hash(b), nil
}

// exactly says that a part of a row has another length than it must have.
func exactly(b []byte, n int) error {
	if len(b) != n {
		return fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	return nil
}
