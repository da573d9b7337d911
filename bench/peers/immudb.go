// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/codenotary/immudb/embedded/htree"
	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"
)

// Immudb is the embedded store of immudb, with its index of keys.
var Immudb = &Peer{
	Name:    "immudb",
	Module:  immuModule,
	Promise: "synced to disk, in the hash chain of transactions; no signature; the key index follows in the background",
	Tuning:  immuTuning,
	Open:    func(dir string, h Hint) (Store, error) { return openImmu(dir, h, true) },
}

// ImmudbNoIndex is the same without an index: events are found by transaction.
var ImmudbNoIndex = &Peer{
	Name:    "immudb, no index",
	Module:  immuModule,
	Promise: "synced to disk, in the hash chain of transactions; no signature",
	Tuning:  immuTuning,
	Open:    func(dir string, h Hint) (Store, error) { return openImmu(dir, h, false) },
}

const (
	immuModule = "github.com/codenotary/immudb"
	immuTuning = "`AsyncCommit`, which waits for the sync and not for the index; a sync at least every millisecond; as many transactions at a time as callers"
)

func openImmu(dir string, h Hint, indexed bool) (Store, error) {
	callers, batch := max(h.Callers, 1), max(h.Batch, 1)
	opts := store.DefaultOptions().
		WithLogger(logger.NewSimpleLoggerWithLevel("immudb", io.Discard, logger.LogError)).
		WithSynced(!h.Unsynced).
		WithSyncFrequency(time.Millisecond).
		WithMultiIndexing(!indexed).
		WithMaxTxEntries(max(batch, 64)).
		WithMaxKeyLen(32).
		WithMaxValueLen(max(h.EventBytes, 4096)).
		WithMaxConcurrency(max(callers, 30)).
		WithMaxActiveTransactions(max(2*callers, 1000)).
		WithMaxWaitees(max(2*callers, 1000))
	st, err := store.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	s := &immuStore{st: st, batch: batch, tx: store.NewTx(st.MaxTxEntries(), st.MaxKeyLen())}
	return s, nil
}

type immuStore struct {
	st    *store.ImmuStore
	batch int // events in each transaction, for the readers
	next  atomic.Uint64
	tx    *store.Tx // what readers read into
}

func (s *immuStore) Append(payloads [][]byte) error {
	tx, err := s.st.NewWriteOnlyTx(ctx)
	if err != nil {
		return err
	}
	first := s.next.Add(uint64(len(payloads))) - uint64(len(payloads))
	for i, p := range payloads {
		if err := tx.Set(key(first+uint64(i)), nil, p); err != nil {
			return errors.Join(err, tx.Cancel())
		}
	}
	_, err = tx.AsyncCommit(ctx)
	return err
}

func (s *immuStore) Iterate(fn func([]byte) error) error {
	r, err := s.st.NewTxReader(1, false, s.tx)
	if err != nil {
		return err
	}
	for {
		tx, err := r.Read()
		if errors.Is(err, store.ErrNoMoreEntries) {
			return nil
		} else if err != nil {
			return err
		}
		for _, e := range tx.Entries() {
			v, err := s.st.ReadValue(e)
			if err == nil {
				err = fn(v)
			}
			if err != nil {
				return err
			}
		}
	}
}

// ErrNoIndex is returned if events can only be read in order.
var ErrNoIndex = errors.New("immudb: opened without an index")

// Get reads by key, through the index.
func (s *immuStore) Get(seq int) ([]byte, error) {
	if s.st.MultiIndexingEnabled() {
		return nil, fmt.Errorf("get event %d: %w", seq, ErrNoIndex)
	}
	ref, err := s.st.Get(ctx, key(uint64(seq)))
	if err != nil {
		return nil, err
	}
	return ref.Resolve()
}

// An immuProof leads from an entry to its transaction, and from there to the
// newest one.
type immuProof struct {
	entry       [sha256.Size]byte
	in          *htree.InclusionProof
	dual        *store.DualProof
	first, last *store.TxHeader
}

// Prove takes the transaction of the event from its number: they were all
// appended by one caller in transactions of one size.
func (s *immuStore) Prove(seq int) (Proof, error) {
	if err := s.st.ReadTx(uint64(seq/s.batch)+1, false, s.tx); err != nil {
		return nil, err
	}
	first := s.tx.Header()
	last, err := s.st.ReadTxHeader(s.st.LastCommittedTxID(), false, false)
	if err != nil {
		return nil, err
	}
	k := key(uint64(seq))
	e, err := s.tx.EntryOf(k)
	if err != nil {
		return nil, err
	}
	digest, err := store.TxEntryDigest_v1_2(e)
	if err != nil {
		return nil, err
	}
	p := &immuProof{entry: digest, first: first, last: last}
	if p.in, err = s.tx.Proof(k); err != nil {
		return nil, err
	}
	p.dual, err = s.st.DualProof(first, last)
	return p, err
}

func (p *immuProof) Verify() error {
	if !store.VerifyInclusion(p.in, p.entry, p.first.Eh) {
		return errors.New("immudb: the entry is not in its transaction")
	}
	if !store.VerifyDualProof(p.dual, p.first.ID, p.last.ID, p.first.Alh(), p.last.Alh()) {
		return errors.New("immudb: the transaction is not in the log")
	}
	return nil
}

func (p *immuProof) Hashes() int {
	n := len(p.in.Terms) + len(p.dual.InclusionProof) + len(p.dual.ConsistencyProof) + len(p.dual.LastInclusionProof)
	if p.dual.LinearProof != nil {
		n += len(p.dual.LinearProof.Terms)
	}
	return n
}

// WaitIndexed returns when the index has everything.
func (s *immuStore) WaitIndexed() error {
	if s.st.MultiIndexingEnabled() {
		return nil
	}
	return s.st.WaitForIndexingUpto(ctx, s.st.LastCommittedTxID())
}

// Close waits for the index first: version 1.9.5 has a data race if it is
// closed while it indexes.
func (s *immuStore) Close() error { return errors.Join(s.WaitIndexed(), s.st.Close()) }
