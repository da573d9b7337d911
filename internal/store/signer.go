// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A signer is the key of a log of ours and its sum of when it was derived and held
// against its author. A key that was hurt in memory since then signs nothing: one wrong
// signature beside a right one of the same text gives an Ed25519 key away
// (Romailler and Pelissier, FDTC 2017).
type signer struct {
	key ed25519.PrivateKey
	sum [sha256.Size]byte
}

func newSigner(key ed25519.PrivateKey) *signer { return &signer{key, sha256.Sum256(key)} }

// sign returns the head of a log of that size and root. The sum stands in for verifying
// the signature, which takes twice as long as to sign. The error is a *CorruptError.
func (k *signer) sign(log digest.Hash, size uint64, root digest.Hash) (proof.Head, error) {
	key := slices.Clone(k.key) // of one that is kept, crypto/ed25519 keeps what it expands to
	if sha256.Sum256(key) != k.sum {
		return proof.Head{}, &CorruptError{Where: "log " + log.String(), What: "its key is not what it was when it was derived: memory is damaged"}
	}
	return proof.Sign(key, log, size, root), nil
}

// keyOf derives the key that a log of ours in a topic is signed with. The error is
// ErrIdentity if it is not the one of its author.
func (s *Store) keyOf(id digest.Hash, author [32]byte, t *Topic) (*signer, error) {
	if key := s.catalog.joined.take(id); key != nil && identity.PublicKey(key.key) == author {
		return key, nil
	}
	if key := s.derivedKey(author, t); key != nil {
		return key, nil
	}
	key, ok := s.device.AuthorKeyOf(t.Genesis, author)
	if !ok {
		return nil, fmt.Errorf("%w (log %s)", ErrIdentity, id.Short())
	}
	return newSigner(key), nil
}

// derivedKey returns the key of an author that another log of the topic is signed with,
// which this store appends to: whoever founded a topic writes its roster and its own log
// with one key. It is nil if that is not in memory.
func (s *Store) derivedKey(author [32]byte, t *Topic) *signer {
	for _, id := range []digest.Hash{t.Log, t.Roster().ID()} {
		if l := s.catalog.find(id); l != nil && l.Author == author {
			if key := l.derived.Load(); key != nil {
				return key
			}
		}
	}
	return nil
}

// joinedKeys are keys of logs that were created and not written to yet: each was
// derived to name its log, which is a tenth of what a small topic costs.
type joinedKeys struct {
	mu   sync.Mutex // guards keys
	keys map[digest.Hash]*signer
}

// maxJoinedKeys bounds how many are kept, at about 200 bytes each; beyond it they are
// derived again.
const maxJoinedKeys = 1024

func (j *joinedKeys) put(log digest.Hash, key *signer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.keys == nil || len(j.keys) == maxJoinedKeys {
		j.keys = map[digest.Hash]*signer{}
	}
	j.keys[log] = key
}

// take returns the key of a log, which is not kept longer, or nil.
func (j *joinedKeys) take(log digest.Hash) *signer {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := j.keys[log]
	delete(j.keys, log)
	return key
}
