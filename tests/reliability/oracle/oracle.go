// SPDX-License-Identifier: MPL-2.0

package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// An Oracle knows what was asked of the logs of one store and what was
// acknowledged. It is safe for use by many goroutines.
type Oracle struct {
	seed uint64
	mu   sync.Mutex // guards logs
	logs []*log
}

// A log is what the oracle knows of one log.
type log struct {
	tree   *tree
	leaves []digest.Hash
	issued uint64   // events handed to Append
	acked  []uint64 // sizes that were acknowledged, in order
}

// New returns an oracle of logs with nothing in them.
func New(seed uint64, logs int) *Oracle {
	o := &Oracle{seed: seed}
	for range logs {
		o.logs = append(o.logs, &log{tree: newTree()})
	}
	return o
}

// Seed is what the events follow from.
func (o *Oracle) Seed() uint64 { return o.seed }

// Logs returns the number of logs.
func (o *Oracle) Logs() int { return len(o.logs) }

// Issue notes that events of log n below size are being appended.
func (o *Oracle) Issue(n int, size uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logs[n].issued = max(o.logs[n].issued, size)
}

// Ack notes that events of log n below size were acknowledged.
func (o *Oracle) Ack(n int, size uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.logs[n]
	l.issued = max(l.issued, size)
	if k := len(l.acked); k == 0 || size > l.acked[k-1] {
		l.acked = append(l.acked, size)
	}
}

// Acked returns how many events of log n were acknowledged.
func (o *Oracle) Acked(n int) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logs[n].last()
}

func (l *log) last() uint64 {
	if len(l.acked) == 0 {
		return 0
	}
	return l.acked[len(l.acked)-1]
}

// Root returns the root of log n at a size.
func (o *Oracle) Root(n int, size uint64) (digest.Hash, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.logs[n]
	if err := o.grow(n, size); err != nil {
		return digest.Hash{}, err
	}
	return l.tree.roots[size], nil
}

// grow computes leaves and roots up to a size; o.mu is held.
func (o *Oracle) grow(n int, size uint64) error {
	l := o.logs[n]
	for seq := uint64(len(l.leaves)); seq < size; seq++ {
		e := Event(o.seed, n, seq)
		leaf, err := e.LeafHash(Epoch, 0)
		if err != nil {
			return err
		}
		l.leaves = append(l.leaves, leaf)
		l.tree.append(leaf)
	}
	return nil
}

// Bytes is about what the oracle itself keeps in memory.
func (o *Oracle) Bytes() (n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.logs {
		n += uint64(cap(l.acked)*8 + cap(l.leaves)*32 + cap(l.tree.roots)*32)
	}
	return n
}

// Clone returns an oracle of the same load that was told nothing of the
// acknowledgements but those given, one a log.
func (o *Oracle) Clone(acked [][]uint64) *Oracle {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := New(o.seed, len(o.logs))
	for n, l := range o.logs {
		c.logs[n].tree = &tree{stack: slices.Clone(l.tree.stack), roots: slices.Clone(l.tree.roots)}
		c.logs[n].leaves, c.logs[n].issued = slices.Clone(l.leaves), l.issued
		c.logs[n].acked = acked[n]
	}
	return c
}

// Check holds an open store against the promises: each log is a gapless prefix
// of what was appended that contains all that was acknowledged; its root is the
// one computed here; every acknowledged size is provable under it; and the
// store's own check finds nothing. The first promise that does not hold is the
// error.
func (o *Oracle) Check(ctx context.Context, st *store.Store) error {
	for n := range o.logs {
		if err := o.checkLog(st, n); err != nil {
			return fmt.Errorf("log %d: %w", n, err)
		}
	}
	report, err := st.Check(ctx, nil)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, f := range report.Findings {
		return fmt.Errorf("check finds %s: %s", f.Where, f.What)
	}
	return nil
}

func (o *Oracle) checkLog(st *store.Store, n int) error {
	o.mu.Lock()
	acked, issued := slices.Clone(o.logs[n].acked), o.logs[n].issued
	last := o.logs[n].last()
	o.mu.Unlock()
	l, err := Find(st, n)
	if err != nil {
		if last == 0 {
			return nil // a crash before its topic was joined
		}
		return fmt.Errorf("%d events were acknowledged: %w", last, err)
	}
	p := l.State()
	if p.Size < last || p.Size > issued {
		return fmt.Errorf("it holds %d events; %d were acknowledged, %d appended", p.Size, last, issued)
	}
	if err := o.CheckEvents(st, n, l, p.Size); err != nil {
		return err
	}
	root, err := o.Root(n, p.Size)
	if err != nil || p.Root != root {
		return fmt.Errorf("root %s at %d, want %s (%v)", p.Root, p.Size, root, err)
	}
	h, err := l.Head(p)
	if err = errors.Join(err, h.Verify(l.AuthorKey())); p.Size > 0 && (h.Size != p.Size || err != nil) {
		return fmt.Errorf("head of size %d at %d: %w", h.Size, p.Size, err)
	}
	return o.checkProofs(st, n, l, acked)
}

// Find returns log n of a store.
func Find(st *store.Store, n int) (*store.Log, error) {
	t, err := st.Topic(Topic(n).ID())
	if err != nil {
		return nil, err
	}
	return st.Log(t.Log)
}

// CheckEvents compares the events of log n below size, byte for byte.
func (o *Oracle) CheckEvents(st *store.Store, n int, l *store.Log, size uint64) error {
	next := uint64(0)
	err := st.Read(l, 0, size, func(run store.Run) error {
		rest := run.Records
		for range run.Count {
			want, err := record(o.seed, n, next)
			if err != nil {
				return err
			}
			length, err := event.RecordLen(rest)
			if err != nil || !bytes.Equal(rest[:length], want) {
				return fmt.Errorf("event %d is not the one that was appended (%v)", next, err)
			}
			rest, next = rest[length:], next+1
		}
		return nil
	})
	if err == nil && next != size {
		err = fmt.Errorf("%d events were read of %d", next, size)
	}
	return err
}

// checkProofs proves some of the acknowledged sizes, the last among them, and
// some events under the root.
func (o *Oracle) checkProofs(st *store.Store, n int, l *store.Log, acked []uint64) error {
	p := l.State()
	rnd := rand.New(rand.NewPCG(o.seed, p.Size))
	for i := range min(len(acked), 6) {
		old := acked[len(acked)-1]
		if i > 0 {
			old = acked[rnd.IntN(len(acked))]
		}
		root, err := o.Root(n, old)
		if err != nil {
			return err
		}
		hashes, err := st.Consistency(l, old, p.Size)
		if err == nil {
			err = proof.VerifyConsistency(old, root, p.Size, p.Root, hashes)
		}
		if err != nil {
			return fmt.Errorf("the root of %d that was acknowledged is not under that of %d: %w", old, p.Size, err)
		}
	}
	for range min(p.Size, 6) {
		seq := rnd.Uint64N(p.Size)
		hashes, err := st.Inclusion(l, seq, p.Size)
		if err == nil {
			err = proof.VerifyInclusion(o.leaf(n, seq), seq, p.Size, hashes, p.Root)
		}
		if err != nil {
			return fmt.Errorf("event %d is not proven at %d: %w", seq, p.Size, err)
		}
	}
	return nil
}

func (o *Oracle) leaf(n int, seq uint64) digest.Hash {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logs[n].leaves[seq]
}

// CheckDir opens the store in dir and checks it.
func (o *Oracle) CheckDir(ctx context.Context, dir string) error {
	st, err := store.Open(dir, store.Options{Look: true})
	if err != nil {
		return err
	}
	if err := o.Check(ctx, st); err != nil {
		st.Close()
		return err
	}
	return st.Close()
}
