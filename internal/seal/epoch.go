// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An epoch is one set of readers, their secret and their join key:
//
//	H(join key) = tagged("xaeroflux join key v1", join key 32)
//	digest      = tagged("xaeroflux epoch readers v1", entries)
//	epoch id    = tagged("xaeroflux epoch v1", secret 32, number u64, H(join key) 32, digest 32)
//
// The entries are one part, of 1249 bytes each, sorted by id, no id twice, at
// most 8,000 of them; none is an empty part:
//
//	offset  bytes  field
//	     0     32  id, the recipient of the box
//	    32      1  1 all (secret and join key), 2 join key only: the kind of the box
//	    33   1216  KEM public key
const (
	// MaxReaders is how many readers and replicas an epoch can have.
	MaxReaders  = 8000
	readerBytes = RecipientBytes + 1 + PublicKeyBytes
)

// A Reader is what an epoch is made for.
type Reader struct {
	ID   Recipient
	Kind uint8 // BoxAll, or BoxJoin for a replica
	KEM  *PublicKey
}

// ReadersDigest returns the digest of the readers of an epoch, which may come
// in any order. The error is ErrReaders.
func ReadersDigest(readers []Reader) (digest.Hash, error) {
	if len(readers) > MaxReaders {
		return digest.Hash{}, fmt.Errorf("%w: %d, limit %d", ErrReaders, len(readers), MaxReaders)
	}
	sorted := slices.Clone(readers)
	slices.SortFunc(sorted, func(a, b Reader) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	all := make([]byte, 0, len(sorted)*readerBytes)
	for i, r := range sorted {
		if i > 0 && r.ID == sorted[i-1].ID {
			return digest.Hash{}, fmt.Errorf("%w: %x twice", ErrReaders, r.ID)
		}
		if r.Kind != BoxAll && r.Kind != BoxJoin || r.KEM == nil {
			return digest.Hash{}, fmt.Errorf("%w: %x of kind %d without a key for it", ErrReaders, r.ID, r.Kind)
		}
		all = append(append(append(all, r.ID[:]...), r.Kind), r.KEM[:]...)
	}
	return digest.Tagged(tagReaders, all), nil
}

// EpochID returns the id of an epoch.
func EpochID(secret Secret, number uint64, joinHash, readers digest.Hash) digest.Hash {
	n := binary.LittleEndian.AppendUint64(nil, number)
	return digest.Tagged(tagEpoch, secret[:], n, joinHash[:], readers[:])
}

// An Info is what an epoch's record says of it in clear.
type Info struct {
	ID       digest.Hash // as claimed; Check verifies it
	Number   uint64
	JoinHash digest.Hash // H(join key)
	Readers  digest.Hash // ReadersDigest
}

// NewInfo returns the Info of a new epoch.
func NewInfo(number uint64, secret, join Secret, readers []Reader) (Info, error) {
	d, err := ReadersDigest(readers)
	if err != nil {
		return Info{}, err
	}
	h := JoinKeyHash(join)
	return Info{EpochID(secret, number, h, d), number, h, d}, nil
}

// Check returns ErrSecret if the epoch that i speaks of has another secret. A
// reader checks each secret that it is given, so that all have the same one.
func (i *Info) Check(secret Secret) error {
	if got := EpochID(secret, i.Number, i.JoinHash, i.Readers); got != i.ID {
		return fmt.Errorf("%w: epoch %d: the secret makes %s, want %s", ErrSecret, i.Number, got.Short(), i.ID.Short())
	}
	return nil
}

// CheckJoin returns ErrSecret if the epoch that i speaks of has another join
// key.
func (i *Info) CheckJoin(join Secret) error {
	if got := JoinKeyHash(join); got != i.JoinHash {
		return fmt.Errorf("%w: epoch %d: the join key makes %s, want %s", ErrSecret, i.Number, got.Short(), i.JoinHash.Short())
	}
	return nil
}
