// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Fork is two heads of one log, both signed by its author, of which only one
// can be true. It convinces anybody, for good, and needs nothing else: the log
// id follows from its name, in which the author stands, so that nobody can make
// one for a log whose key he has not.
//
// Heads of one size contradict each other if their roots differ. Of two
// sizes, Root and Hashes prove which root the larger tree has at the smaller
// size, the only one it can have (RFC 6962, section 2.1.2); the smaller head
// has another.
type Fork struct {
	identity.LogName

	// Old and New are ordered by size, then by root, so that two peers make the
	// same proof of the same heads.
	Old, New Head

	Root   digest.Hash   // that New's tree has at Old.Size; New.Root if the sizes are one
	Hashes []digest.Hash // consistency proof from (Old.Size, Root) to New; none if the sizes are one
}

// NewFork returns the proof that two heads contradict each other, which still
// is to be verified. At different sizes, root is that of the larger head's tree
// at the smaller size, and hashes the consistency proof between the two; at the
// same size both are passed over.
func NewFork(log identity.LogName, a, b Head, root digest.Hash, hashes []digest.Hash) Fork {
	if a.Size > b.Size || a.Size == b.Size && bytes.Compare(a.Root[:], b.Root[:]) > 0 {
		a, b = b, a
	}
	f := Fork{LogName: log, Old: a, New: b, Root: root, Hashes: slices.Clone(hashes)}
	if a.Size == b.Size {
		f.Root, f.Hashes = b.Root, nil
	}
	return f
}

// Log returns the id of the log that was forked.
func (f Fork) Log() digest.Hash { return f.Old.Log }

// Verify checks that both heads are the author's and contradict each other. The
// error is ErrKey, ErrHead, ErrSignature, ErrProof, or ErrFork if the heads
// are fine and can both be true.
func (f Fork) Verify() error {
	if err := checkKey(f.Author[:]); err != nil {
		return err
	}
	log := f.ID()
	for _, h := range []Head{f.Old, f.New} {
		if h.Log != log {
			return fmt.Errorf("%w: of log %s, its name makes it %s", ErrHead, h.Log.Short(), log.Short())
		}
		if err := h.Verify(f.Author[:]); err != nil {
			return err
		}
	}
	return f.contradicts()
}

// contradicts checks that only one of the heads can be true.
func (f Fork) contradicts() error {
	if f.Old.Size == 0 {
		return fmt.Errorf("%w: every log begins with no events", ErrFork)
	}
	if err := VerifyConsistency(f.Old.Size, f.Root, f.New.Size, f.New.Root, f.Hashes); err != nil {
		return err
	}
	if f.Root == f.Old.Root {
		return fmt.Errorf("%w: the head at %d continues the one at %d", ErrFork, f.New.Size, f.Old.Size)
	}
	if f.Old.Size == f.New.Size && bytes.Compare(f.Old.Root[:], f.New.Root[:]) > 0 {
		return fmt.Errorf("%w: heads of one size are not in the order of their roots", ErrFork)
	}
	return nil
}

// VKey returns the note verifier key that both checkpoints verify with.
func (f Fork) VKey() string { return VKey(ed25519.PublicKey(f.Author[:]), f.Log()) }

// valid checks what the text form cannot hold.
func (f Fork) valid() error {
	switch {
	case f.Old.Log != f.New.Log:
		return fmt.Errorf("heads of two logs, %s and %s", f.Old.Log.Short(), f.New.Log.Short())
	case len(f.Hashes) > maxForkHashes:
		return fmt.Errorf("%d hashes, at most %d", len(f.Hashes), maxForkHashes)
	case max(f.Old.Size, f.New.Size) > merkleindex.MaxSize:
		return fmt.Errorf("a size above %d", uint64(merkleindex.MaxSize))
	}
	return nil
}
