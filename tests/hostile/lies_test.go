// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

func pub(key ed25519.PrivateKey) roster.Key { return roster.Key(identity.PublicKey(key)) }

// kemKey returns a KEM key of which nobody else is.
func kemKey(n byte) []byte { return seal.NewPrivateKey(seal.Secret{n, 0x77}).Public()[:] }

// key is the steward's.
func (l *liar) key() ed25519.PrivateKey { return l.s.Device().AuthorKey(l.at.Genesis) }

// boxLog names the steward's log of boxes.
func (l *liar) boxLog() identity.LogName {
	leg := l.st.Steward()
	return identity.BoxLog(l.at.ID, leg.Author, leg.Term, leg.Leg)
}

// boxes names n boxes that are not there.
func (l *liar) boxes(n uint32) *roster.Boxes {
	return &roster.Boxes{Log: l.boxLog().ID(), First: 1 << 20, Count: n, Root: digest.Hash{1}}
}

// A lie is an epoch as an honest steward makes it, to be spoiled.
type lie struct {
	l      *liar
	record *roster.Epoch
	secret steward.EpochSecret
	boxes  []*roster.Box
}

// epoch writes an epoch that would be true but for what spoil does to it.
func (l *liar) epoch(spoil func(e *lie)) {
	l.t.Helper()
	desk, err := l.s.NewDesk(l.at)
	storetest.Must(l.t, err)
	b, err := desk.Renew(time.Now())
	storetest.Must(l.t, err)
	e := &lie{l: l, secret: *b.Epoch}
	rec, err := roster.Decode(b.Records[0].Type, b.Records[0].Body)
	storetest.Must(l.t, err)
	e.record = rec.(*roster.Epoch)
	for _, raw := range b.Boxes {
		box, err := roster.DecodeBox(raw.Body)
		storetest.Must(l.t, err)
		e.boxes = append(e.boxes, box)
	}
	storetest.Must(l.t, l.s.Do(l.s.NewEpochKept(l.at, e.record, e.secret)))
	spoil(e)
	e.write(b.Boxes[0].Time)
}

// write appends the boxes, and the record with their root.
func (e *lie) write(ms int64) {
	t := e.l.t
	t.Helper()
	var raw []roster.Raw
	var leaves []digest.Hash
	for _, box := range e.boxes {
		body, err := roster.AppendBox(nil, box)
		storetest.Must(t, err)
		leaf, err := (&event.Event{Type: roster.BoxType, Payload: body}).LeafHash(ms, 0)
		storetest.Must(t, err)
		raw, leaves = append(raw, roster.Raw{Type: roster.BoxType, Time: ms, Body: body}), append(leaves, leaf)
	}
	tree, err := merkleindex.RangeOf(0, leaves)
	storetest.Must(t, err)
	e.record.Boxes.Root, e.record.Boxes.Count = merkleindex.Bag(tree.Hashes), uint32(len(raw))
	storetest.WriteRaw(t, e.l.s, e.l.boxLog(), raw...)
	e.l.write(e.record)
}

// leaveOut makes the epoch for all but one device, which has a box all the same.
func (e *lie) leaveOut(device roster.Key) {
	var rest []roster.Recipient
	for _, r := range e.l.st.Recipients() {
		if r.ID != device {
			rest = append(rest, r)
		}
	}
	e.record.Readers = roster.RecipientsDigest(rest)
	e.record.ID = seal.EpochID(e.secret.Secret, e.record.Number, e.record.Join, e.record.Readers)
}

// fewer has one box less than there are recipients.
func (e *lie) fewer(device roster.Key) {
	e.boxes = slices.DeleteFunc(e.boxes, func(b *roster.Box) bool { return b.Recipient == device })
}

// at returns the box of a recipient.
func (e *lie) at(to roster.Key) *roster.Box {
	for _, b := range e.boxes {
		if b.Recipient == to {
			return b
		}
	}
	e.l.t.Fatalf("there is no box for %s", to.Short())
	return nil
}

// noBox puts a box for somebody else where that of a recipient is to be.
func (e *lie) noBox(to roster.Key) {
	b := e.at(to)
	b.Recipient[31] ^= 1 // so that they stay in order
}

// noise makes a box bytes that nobody opens.
func (e *lie) noise(to roster.Key) { e.at(to).Sealed[1180] ^= 1 }

// otherJoin and otherSecret give a recipient another key than the others.
func (e *lie) otherJoin(to roster.Key)   { e.sealFor(to, e.secret.Secret, seal.Secret{5}) }
func (e *lie) otherSecret(to roster.Key) { e.sealFor(to, seal.Secret{6}, e.secret.Join) }

func (e *lie) sealFor(to roster.Key, secret, join seal.Secret) {
	t := e.l.t
	t.Helper()
	for _, r := range e.l.st.Recipients() {
		if r.ID != to {
			continue
		}
		kem := seal.PublicKey(r.KEM)
		b, err := seal.SealAll(&kem, e.l.at.ID, e.record.Number, seal.Recipient(to), secret, join)
		storetest.Must(t, err)
		e.at(to).Sealed = b.Sealed
	}
}
