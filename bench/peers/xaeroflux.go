// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Xaeroflux is what the benchmark is about.
var Xaeroflux = &Peer{
	Name:    "xaeroflux",
	Module:  "github.com/xaeroflux/xaeroflux",
	Promise: "synced to disk, in the Merkle root, under a head that its author signed",
	Open: func(dir string, _ Hint) (Store, error) {
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if err != nil {
			return nil, err
		}
		log, err := db.Log(db.Head().Log)
		return &xaeroStore{db: db, log: log}, err
	},
}

type xaeroStore struct {
	db  *xaeroflux.DB
	log *xaeroflux.Log
}

var ctx = context.Background()

func (s *xaeroStore) Append(payloads [][]byte) error {
	if len(payloads) == 1 {
		_, err := s.db.Append(ctx, xaeroflux.Event{Payload: payloads[0]})
		return err
	}
	events := make([]xaeroflux.Event, len(payloads))
	for i, p := range payloads {
		events[i].Payload = p
	}
	_, err := s.db.AppendBatch(ctx, events)
	return err
}

func (s *xaeroStore) Iterate(fn func([]byte) error) error {
	for r, err := range s.db.Events(ctx, xaeroflux.Query{Borrow: true}) {
		if err == nil {
			err = fn(r.Payload)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *xaeroStore) Get(seq int) ([]byte, error) {
	r, err := s.log.Get(ctx, uint64(seq))
	return r.Payload, err
}

// A xaeroProof holds what Verify needs, so that reading the event is not part
// of making the proof.
type xaeroProof struct {
	s    *xaeroStore
	p    xaeroflux.Proof
	path []proof.Hash // of p
	root proof.Hash
	hash proof.Hash
}

func (s *xaeroStore) Prove(seq int) (Proof, error) {
	head := s.log.Head()
	p, err := s.log.Prove(ctx, uint64(seq), head.Size)
	path := make([]proof.Hash, len(p.Hashes))
	for i, h := range p.Hashes {
		path[i] = proof.Hash(h)
	}
	return &xaeroProof{s: s, p: p, path: path, root: proof.Hash(head.Root)}, err
}

func (p *xaeroProof) Hashes() int { return len(p.path) }

// Load reads the event that is proven.
func (p *xaeroProof) Load() error {
	r, err := p.s.log.Get(ctx, p.p.Seq)
	if err == nil {
		p.hash = proof.Hash(r.Hash())
	}
	return err
}

func (p *xaeroProof) Verify() error {
	return proof.VerifyInclusion(p.hash, p.p.Seq, p.p.Size, p.path, p.root)
}

func (s *xaeroStore) AppendProvable(payload []byte) (func() error, error) {
	r, err := s.db.Append(ctx, xaeroflux.Event{Payload: payload})
	return func() error {
		head := s.log.Head()
		if head.Size <= r.Seq {
			return fmt.Errorf("event %d is acknowledged, and the signed head has %d events", r.Seq, head.Size)
		}
		rec, err := s.log.Get(ctx, r.Seq)
		if err != nil {
			return err
		}
		p, err := s.log.Prove(ctx, r.Seq, head.Size)
		return errors.Join(err, xaeroflux.Verify(rec, p, head))
	}, err
}

func (s *xaeroStore) Close() error { return s.db.Close() }
