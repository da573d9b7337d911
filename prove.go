// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Proof shows that an event is in a log at some size of it. With a signed
// head of that size it proves so to anybody, without a store.
type Proof struct {
	Log    LogID
	Seq    uint64
	Size   uint64
	Hashes []Hash // RFC 9162 inclusion proof, at most 64
}

// A ConsistencyProof shows that a log at Size only appends to what it was at Old.
type ConsistencyProof struct {
	Log    LogID
	Old    uint64
	Size   uint64
	Hashes []Hash // RFC 9162 consistency proof, at most 64
}

// Prove returns the proof that event seq is in the log at size, which is at
// most the number of events held without a gap; for an event beyond a gap it is
// that of the head which it was fetched under. Usually size is that of a head:
//
//	head := log.Head()
//	p, err := log.Prove(ctx, seq, head.Size)
//	err = xaeroflux.Verify(rec, p, head)
func (l *Log) Prove(ctx context.Context, seq, size uint64) (_ Proof, err error) {
	defer l.db.out(&err)
	inner, err := l.inclusion(ctx, seq, size)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Log: l.ID(), Seq: seq, Size: size, Hashes: hashes(inner)}, nil
}

func (l *Log) inclusion(ctx context.Context, seq, size uint64) ([]digest.Hash, error) {
	done, err := l.proving(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	inner, err := l.db.st.InclusionHeld(l.l, seq, size)
	if err != nil {
		return nil, fmt.Errorf("prove event %d: %w", seq, err)
	}
	return inner, nil
}

// proving begins to read what proofs are made of.
func (l *Log) proving(ctx context.Context) (done func(), err error) {
	if l.err != nil {
		return nil, l.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.db.reading()
}

// Prove returns the proof of one event of the own log; see Log.Prove.
func (db *DB) Prove(ctx context.Context, seq, size uint64) (Proof, error) {
	return db.def().Log().Prove(ctx, seq, size)
}

// ProveConsistency returns the proof that the log at size, which is at most the number
// of events held without a gap, only appends to its first old events. With the signed
// heads of both sizes, VerifyConsistency shows so to anybody. The error is ErrRange for
// sizes that the log does not have, or if old is the larger one.
func (l *Log) ProveConsistency(ctx context.Context, old, size uint64) (_ ConsistencyProof, err error) {
	defer l.db.out(&err)
	inner, err := l.consistency(ctx, old, size)
	if err != nil {
		return ConsistencyProof{}, err
	}
	return ConsistencyProof{Log: l.ID(), Old: old, Size: size, Hashes: hashes(inner)}, nil
}

func (l *Log) consistency(ctx context.Context, old, size uint64) ([]digest.Hash, error) {
	done, err := l.proving(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	inner, err := l.db.st.Consistency(l.l, old, size)
	if err != nil {
		return nil, fmt.Errorf("prove that %d events begin with %d: %w", size, old, err)
	}
	return inner, nil
}

// Verify checks that r is what its author appended: p leads from r to the root
// of h, and h is signed. It needs no store. Whether h.Author is who was
// expected is the caller's to compare.
func Verify(r Record, p Proof, h Head) error {
	if r.Log != h.Log || p.Log != h.Log {
		return fmt.Errorf("%w: event of log %s, proof of log %s, head of log %s", proof.ErrProof, r.Log.Short(), p.Log.Short(), h.Log.Short())
	}
	if r.Seq != p.Seq || p.Size != h.Size {
		return fmt.Errorf("%w: proof of event %d at size %d, for event %d under a head of size %d", proof.ErrProof, p.Seq, p.Size, r.Seq, h.Size)
	}
	if err := h.Verify(); err != nil {
		return err
	}
	return proof.VerifyInclusion(digest.Hash(r.Hash()), p.Seq, p.Size, digests(p.Hashes), digest.Hash(h.Root))
}

// VerifyConsistency checks that a log only grew from one head to the other: p leads from
// the root of older to that of newer, and both are signed by one author. It needs no
// store. The errors are those of package proof: ErrProof, ErrSignature.
func VerifyConsistency(p ConsistencyProof, older, newer Head) error {
	if older.Log != p.Log || newer.Log != p.Log || older.Author != newer.Author {
		return fmt.Errorf("%w: proof of log %s, heads of logs %s and %s", proof.ErrProof, p.Log.Short(), older.Log.Short(), newer.Log.Short())
	}
	if older.Size != p.Old || newer.Size != p.Size {
		return fmt.Errorf("%w: proof from size %d to %d, heads of sizes %d and %d", proof.ErrProof, p.Old, p.Size, older.Size, newer.Size)
	}
	if err := errors.Join(older.Verify(), newer.Verify()); err != nil {
		return err
	}
	return proof.VerifyConsistency(p.Old, digest.Hash(older.Root), p.Size, digest.Hash(newer.Root), digests(p.Hashes))
}

// ProofFile returns the proof of one event under the newest head as a C2SP
// tlog-proof file, with the event's leaf data as its extra. Anybody can check
// it with the log's VKey.
func (l *Log) ProofFile(ctx context.Context, seq uint64) (_ []byte, err error) {
	defer l.db.out(&err)
	if l.err != nil {
		return nil, l.err
	}
	h, hashes, err := l.proven(ctx, seq)
	if err != nil {
		return nil, err
	}
	return l.proofFile(ctx, seq, hashes, h.Checkpoint())
}

// CosignedProofFile is ProofFile under a head that at least n witnesses cosigned,
// as Cosigned returns it; with n of 0, the newest of which cosignatures are at hand.
func (l *Log) CosignedProofFile(ctx context.Context, seq uint64, n int) (_ []byte, err error) {
	defer l.db.out(&err)
	text, h, err := l.cosigned(ctx, n)
	if err != nil {
		return nil, err
	}
	inner, err := l.inclusion(ctx, seq, h.Size)
	if err != nil {
		return nil, err
	}
	return l.proofFile(ctx, seq, inner, text)
}

func (l *Log) proofFile(ctx context.Context, seq uint64, hashes []digest.Hash, checkpoint []byte) ([]byte, error) {
	r, err := l.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	return proof.File{Extra: r.Leaf(), Index: seq, Hashes: hashes, Checkpoint: checkpoint}.Encode(), nil
}

// ConsistencyFile returns the proof that the newest head only appends to the
// first old events, with that head, in the text form that C2SP tlog-witness has
// for it. Anybody who has the signed head of that size can check it with the
// log's VKey.
func (l *Log) ConsistencyFile(ctx context.Context, old uint64) (_ []byte, err error) {
	defer l.db.out(&err)
	if l.err != nil {
		return nil, l.err
	}
	h := l.Head()
	hashes, err := l.consistency(ctx, old, h.Size)
	if err != nil {
		return nil, err
	}
	return proof.Consistency{Old: old, Hashes: hashes, Checkpoint: h.Checkpoint()}.Encode(), nil
}

// proven returns the newest head that an event can be proven under, and the
// inclusion proof.
func (l *Log) proven(ctx context.Context, seq uint64) (h Head, hashes []digest.Hash, err error) {
	held := l.Size()
	if seq >= held {
		done, err := l.db.reading()
		if err != nil {
			return h, nil, err
		}
		defer done()
		hashes, head, err := l.db.st.RangeInclusion(l.l, seq)
		if err != nil {
			return h, nil, fmt.Errorf("prove event %d: %w", seq, err)
		}
		return l.head(head), hashes, nil
	}
	if h = l.Head(); h.Size > held {
		return h, nil, fmt.Errorf("prove event %d: %w: %d of %d events are here; wait for the rest", seq, ErrRange, held, h.Size)
	}
	hashes, err = l.inclusion(ctx, seq, h.Size)
	return h, hashes, err
}
