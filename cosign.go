// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// WitnessKey returns the key with which this store cosigns heads of others in the
// topic, as a note verifier key. It is public, and another one in each topic. Package
// proof reads it, and policies of several (ParseWitness, ParsePolicy), and verifies
// what Cosigned returns (VerifyCosigned).
func (t *Topic) WitnessKey() string {
	key := t.db.st.Device().WitnessKey(t.t.ID)
	w, err := proof.NewWitness([32]byte(key.Public().(ed25519.PublicKey)))
	if err != nil {
		panic("xaeroflux: a derived key of small order: " + err.Error())
	}
	return w.String()
}

// Cosigned returns the newest head as a checkpoint that at least n witnesses
// cosigned: peers that hold the same history of the log, as of the time in the
// cosignature. It asks the peers that are connected, and waits for them up to
// ten seconds. A head that n witnesses cosigned before is not cosigned again: its
// cosignatures are as old as they say. With n of 0 it asks nobody and returns the newest
// head of which cosignatures are at hand. The error is ErrWitnesses or ErrFrozen.
func (l *Log) Cosigned(ctx context.Context, n int) (_ []byte, err error) {
	defer l.db.out(&err)
	text, _, err := l.cosigned(ctx, n)
	return text, err
}

// cosigned is Cosigned, with the head that the checkpoint is of.
func (l *Log) cosigned(ctx context.Context, n int) ([]byte, proof.Head, error) {
	c, err := l.cosignedHead(ctx, n)
	if err != nil {
		return nil, proof.Head{}, err
	}
	return c.Head.Cosigned(l.l.AuthorKey(), c.Cosigs), c.Head, nil
}

func (l *Log) cosignedHead(ctx context.Context, n int) (c store.Cosigned, err error) {
	if l.err != nil {
		return c, l.err
	}
	if n < 0 || n > proof.MaxCosignatures {
		return c, fmt.Errorf("%w: %d cosignatures, want 0 to %d", ErrOptions, n, proof.MaxCosignatures)
	}
	done, err := l.db.reading()
	if err != nil {
		return c, err
	}
	defer done()
	kept, err := l.db.st.Cosigned(l.l.ID)
	if err != nil {
		return c, err
	}
	if n == 0 && len(kept) > 0 {
		return kept[0], nil
	}
	h, err := l.l.Head(l.l.State())
	if err != nil {
		return c, err
	}
	if l.l.Row().Frozen {
		return c, fmt.Errorf("%w (log %s)", ErrFrozen, l.l.ID.Short())
	}
	if h.Size == 0 {
		return c, fmt.Errorf("%w: log %s is empty", ErrRange, l.l.ID.Short())
	}
	var have []proof.Cosignature
	for _, k := range kept {
		if k.Head.Size == h.Size && k.Head.Root == h.Root {
			have = k.Cosigs
		}
	}
	c = store.Cosigned{Head: h, Cosigs: have}
	if len(have) >= n {
		return c, nil
	}
	return l.db.node.Cosign(ctx, l.l, n, c)
}

// Cosigned returns the cosigned head of the own log; see Log.Cosigned.
func (db *DB) Cosigned(ctx context.Context, n int) ([]byte, error) {
	return db.def().Log().Cosigned(ctx, n)
}
