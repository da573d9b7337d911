// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"

	"github.com/xaeroflux/xaeroflux/proof"
)

// A Proof shows that an event is in a log at some size of it. With a signed
// head of that size it proves so to anybody, without a store.
type Proof struct {
	Log    ID
	Seq    uint64
	Size   uint64
	Hashes []Hash // RFC 9162 inclusion proof, at most 64
}

// Prove returns the proof that event seq is in the log at size, which is at
// most the number of events held without a gap; for an event beyond a gap it is
// that of the head which it was fetched under. Usually size is that of a head:
//
//	head := log.Head()
//	p, err := log.Prove(ctx, seq, head.Size)
//	err = xaeroflux.Verify(rec, p, head)
func (l *Log) Prove(ctx context.Context, seq, size uint64) (Proof, error) {
	if l.err != nil {
		return Proof{}, l.err
	}
	if err := ctx.Err(); err != nil {
		return Proof{}, err
	}
	done, err := l.db.reading()
	if err != nil {
		return Proof{}, err
	}
	defer done()
	hashes, err := l.db.st.InclusionHeld(l.l, seq, size)
	if err != nil {
		return Proof{}, fmt.Errorf("prove event %d: %w", seq, err)
	}
	return Proof{Log: l.l.ID, Seq: seq, Size: size, Hashes: hashes}, nil
}

// Prove returns the proof of one event of the own log; see Log.Prove.
func (db *DB) Prove(ctx context.Context, seq, size uint64) (Proof, error) {
	return db.def().Log().Prove(ctx, seq, size)
}

// Consistency returns the RFC 9162 consistency proof between two sizes of the
// log: that the larger one only appends to the smaller.
func (l *Log) Consistency(ctx context.Context, old, size uint64) ([]Hash, error) {
	if l.err != nil {
		return nil, l.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done, err := l.db.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	return l.db.st.Consistency(l.l, old, size)
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
	return proof.VerifyInclusion(r.Hash(), p.Seq, p.Size, p.Hashes, h.Root)
}

// ProofFile returns the proof of one event under the newest head as a C2SP
// tlog-proof file, with the event's leaf data as its extra. Anybody can check
// it with the log's VKey.
func (l *Log) ProofFile(ctx context.Context, seq uint64) ([]byte, error) {
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
func (l *Log) CosignedProofFile(ctx context.Context, seq uint64, n int) ([]byte, error) {
	text, h, err := l.cosigned(ctx, n)
	if err != nil {
		return nil, err
	}
	p, err := l.Prove(ctx, seq, h.Size)
	if err != nil {
		return nil, err
	}
	return l.proofFile(ctx, seq, p.Hashes, text)
}

func (l *Log) proofFile(ctx context.Context, seq uint64, hashes []Hash, checkpoint []byte) ([]byte, error) {
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
func (l *Log) ConsistencyFile(ctx context.Context, old uint64) ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	h := l.Head()
	hashes, err := l.Consistency(ctx, old, h.Size)
	if err != nil {
		return nil, err
	}
	return proof.Consistency{Old: old, Hashes: hashes, Checkpoint: h.Checkpoint()}.Encode(), nil
}

// proven returns the newest head that an event can be proven under, and the
// inclusion proof.
func (l *Log) proven(ctx context.Context, seq uint64) (h Head, hashes []Hash, err error) {
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
		return Head{Log: l.l.ID, Author: l.l.Author, Size: head.Size, Root: head.Root, Sig: head.Sig}, hashes, nil
	}
	if h = l.Head(); h.Size > held {
		return h, nil, fmt.Errorf("prove event %d: %w: %d of %d events are here; wait for the rest", seq, ErrRange, held, h.Size)
	}
	p, err := l.Prove(ctx, seq, h.Size)
	return h, p.Hashes, err
}
