// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A KEMKey is what opens the boxes of one recipient: of this device, of the person's
// account or of an invite.
type KEMKey struct {
	Recipient [identity.KeyBytes]byte
	Seed      identity.Secret
}

// MaxKEMKeys is how many of them a store keeps of a topic, the newest first.
const MaxKEMKeys = 16

const kemKeyBytes = 2 * identity.KeyBytes

// KEMKeys are the rows of the private KEM keys that this store has in a topic:
//
//	key    "kem " | topic id (32)
//	value  the newest first, 1 to 16 of: recipient (32) | seed of the private key (32)
var KEMKeys = newTable(
	Kind{Name: "the KEM keys of a topic", Bucket: bucketMeta, Prefix: "kem ", Salvage: Keep, Sealed: true},
	codec[digest.Hash, []KEMKey]{key: hashKey, value: kemRow, parseKey: parseHash, parseValue: parseKEM})

func kemRow(keys []KEMKey) (b []byte) {
	for _, k := range keys {
		b = append(append(b, k.Recipient[:]...), k.Seed[:]...)
	}
	return b
}

func parseKEM(_ digest.Hash, b []byte) (keys []KEMKey, err error) {
	if n := len(b) / kemKeyBytes; len(b)%kemKeyBytes != 0 || n == 0 || n > MaxKEMKeys {
		return nil, fmt.Errorf("%d bytes, want 1 to %d keys of %d", len(b), MaxKEMKeys, kemKeyBytes)
	}
	for ; len(b) > 0; b = b[kemKeyBytes:] {
		k := KEMKey{Recipient: [32]byte(b), Seed: identity.Secret(b[32:kemKeyBytes])}
		if k.Seed.IsZero() {
			return nil, errors.New("a key of zeros")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// An EpochKey names the secret of an epoch.
type EpochKey struct{ Topic, Epoch digest.Hash }

// An EpochSecret is what a box of an epoch held.
type EpochSecret struct {
	Number  uint64
	Secret  identity.Secret // zero if this store is a replica, which has the join key alone
	Join    identity.Secret
	Readers digest.Hash // as the epoch's record has it: with it, what the secret opens is known without any roster
}

// EpochSecrets are the rows of what was in the boxes of epochs:
//
//	key    "epoch " | topic id (32) | epoch id (32)
//	value  number u64 | secret (32), zeros in a replica | join key (32) | digest of the readers (32)
var EpochSecrets = newTable(
	Kind{Name: "the secret of an epoch", Bucket: bucketMeta, Prefix: "epoch ", Salvage: Keep, Sealed: true},
	codec[EpochKey, EpochSecret]{
		key:        func(k EpochKey) []byte { return append(k.Topic[:], k.Epoch[:]...) },
		value:      epochRow,
		parseKey:   parseEpochKey,
		parseValue: parseEpoch,
	})

func parseEpochKey(b []byte) (k EpochKey, err error) {
	if err := exactly(b, 2*digest.Size); err != nil {
		return k, err
	}
	return EpochKey{digest.Hash(b), digest.Hash(b[digest.Size:])}, nil
}

func epochRow(e EpochSecret) []byte {
	b := binary.LittleEndian.AppendUint64(nil, e.Number)
	return append(append(append(b, e.Secret[:]...), e.Join[:]...), e.Readers[:]...)
}

func parseEpoch(_ EpochKey, b []byte) (e EpochSecret, err error) {
	if err := exactly(b, 8+2*identity.KeyBytes+digest.Size); err != nil {
		return e, err
	}
	e = EpochSecret{Number: binary.LittleEndian.Uint64(b), Secret: identity.Secret(b[8:]), Join: identity.Secret(b[40:]), Readers: digest.Hash(b[72:])}
	if e.Join.IsZero() {
		return e, errors.New("a join key of zeros")
	}
	return e, nil
}
