// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"bytes"
	"errors"
	"io"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/parallel"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// brings returns who needs a box of the newest epoch once r counts, by rising key,
// and where r names those boxes.
func (d *Desk) brings(r roster.Record) ([]roster.Recipient, **roster.Boxes) {
	switch r := r.(type) {
	case *roster.Admit:
		k := &r.Card.Card
		a := roster.Recipient{ID: k.Account, Kind: boxKind(r.Role), KEM: k.AccountKEM}
		b := roster.Recipient{ID: k.Device, Kind: boxKind(r.Role), KEM: k.KEM}
		if bytes.Compare(a.ID[:], b.ID[:]) > 0 {
			a, b = b, a
		}
		return []roster.Recipient{a, b}, &r.Boxes
	case *roster.AddDevice:
		k := &r.Device.Card
		if x, _ := d.state.Device(k.Device); x.Belongs && bytes.Equal(x.KEM, k.KEM) {
			return nil, nil
		}
		a, _ := d.state.Account(k.Account)
		return []roster.Recipient{{ID: k.Device, Kind: boxKind(a.Role), KEM: k.KEM}}, &r.Boxes
	case *roster.MakeInvite:
		role := r.Invite.Role
		if l := r.Invite.Link; l != nil {
			a, _ := d.state.Account(l.Account)
			role = a.Role
		}
		return []roster.Recipient{{ID: r.Invite.Key, Kind: boxKind(role), KEM: r.Invite.KEM}}, &r.Boxes
	}
	return nil, nil
}

func boxKind(r roster.Role) uint8 {
	if r.Reads() {
		return roster.BoxAll
	}
	return roster.BoxJoin
}

// named returns what names n boxes that come next in the log of boxes.
func (d *Desk) named(n int) *roster.Boxes {
	leg := d.state.Steward()
	log := roster.BoxLog(d.state.Topic(), leg.Author, leg.Term, leg.Leg)
	return &roster.Boxes{Log: log, First: d.boxes, Count: uint32(n)}
}

// seal appends boxes of an epoch to w, and returns what names them.
func (d *Desk) seal(w *draft, to []roster.Recipient, e *EpochSecret) (*roster.Boxes, error) {
	leaves := make([]digest.Hash, len(to))
	boxes, errs := d.boxesFor(to, e)
	for i, r := range to {
		body, err := d.body(r, e, &boxes[i], errs[i])
		if err != nil {
			return nil, err
		}
		x := event.Event{Type: roster.BoxType, Payload: body}
		if leaves[i], err = x.LeafHash(w.ms, 0); err != nil {
			return nil, err
		}
		w.Boxes = append(w.Boxes, roster.Raw{Type: roster.BoxType, Time: w.ms, Body: body})
	}
	tree, err := merkleindex.RangeOf(0, leaves)
	if err != nil {
		return nil, err
	}
	b := d.named(len(to))
	b.Root = merkleindex.Bag(tree.Hashes)
	d.boxes += uint64(len(to))
	return b, nil
}

// boxesFor makes the boxes, or says why one cannot be made. They are nearly all that a
// removal costs, and are made on all processors.
func (d *Desk) boxesFor(to []roster.Recipient, e *EpochSecret) ([]seal.Box, []error) {
	boxes, errs := make([]seal.Box, len(to)), make([]error, len(to))
	parallel.Each(len(to), func(i int) { boxes[i], errs[i] = box(d.state.Topic(), to[i], e) })
	return boxes, errs
}

func box(topic digest.Hash, r roster.Recipient, e *EpochSecret) (seal.Box, error) {
	kem, err := publicKey(r.KEM)
	if err != nil {
		return seal.Box{}, err
	}
	if r.Kind == roster.BoxAll {
		return seal.SealAll(kem, topic, e.Number, seal.Recipient(r.ID), e.Secret, e.Join)
	}
	return seal.SealJoin(kem, topic, e.Number, seal.Recipient(r.ID), e.Join)
}

// body returns the body of a box. A recipient whose KEM key is none gets random
// bytes, so that it alone goes without.
func (d *Desk) body(r roster.Recipient, e *EpochSecret, b *seal.Box, err error) ([]byte, error) {
	if errors.Is(err, seal.ErrKEMKey) {
		*b, err = d.noise(r, e.Number)
	}
	if err != nil {
		return nil, err
	}
	return seal.AppendBox(nil, b)
}

// noise returns a box that nobody opens.
func (d *Desk) noise(r roster.Recipient, epoch uint64) (seal.Box, error) {
	b := seal.Box{Kind: r.Kind, Epoch: epoch, Recipient: seal.Recipient(r.ID), Sealed: make([]byte, sealedBytes(r.Kind))}
	_, err := io.ReadFull(d.random, b.Sealed)
	return b, err
}

func sealedBytes(kind uint8) int {
	if kind == roster.BoxAll {
		return 1200
	}
	return 1168
}

// publicKey returns a KEM key out of a record. The error is seal.ErrKEMKey if it
// has not the length of one.
func publicKey(kem []byte) (*seal.PublicKey, error) {
	if len(kem) != seal.PublicKeyBytes {
		return nil, seal.ErrKEMKey
	}
	k := seal.PublicKey(kem)
	return &k, nil
}

// checkKEM returns why bytes that stand for a KEM key are none. That none are needed,
// or some are missing, is for the fold to say.
func checkKEM(kem []byte) Reason {
	if len(kem) == 0 {
		return ""
	}
	k, err := publicKey(kem)
	if err != nil || k.Check() != nil {
		return ReasonKEM
	}
	return ""
}

func checkPages(n uint32) Reason {
	if !identity.ValidPageBytes(int(n)) {
		return ReasonPages
	}
	return ""
}
