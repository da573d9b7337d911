// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// check holds a record that was written against its ask and its boxes.
func (x *town) check(r roster.Record) {
	x.t.Helper()
	if ref, _ := roster.AskOf(r); !ref.None() {
		d := x.byLog[ref.Log]
		if d == nil || ref.Seq >= uint64(len(d.asks)) || !roster.Matches(r, d.asks[ref.Seq], pub(d.account)) {
			x.t.Fatalf("%s names an ask that is none for it: %v", r.Type(), ref)
		}
	}
	switch r := r.(type) {
	case *roster.Admit:
		x.checkBoxes(r.Boxes, r.Card.Card.Account, r.Card.Card.Device)
	case *roster.MakeInvite:
		x.checkBoxes(r.Boxes, r.Invite.Key)
	case *roster.AddDevice:
		if r.Boxes != nil {
			x.checkBoxes(r.Boxes, r.Device.Card.Device)
		}
	case *roster.Epoch:
		var all []roster.Key
		for _, to := range x.s.Recipients() {
			all = append(all, to.ID)
		}
		x.checkBoxes(&r.Boxes, all...)
		x.checkClosed(r)
	}
}

// checkBoxes checks that boxes of the newest epoch lie where b says, sorted, under its
// root, and that those whom they are for open them.
func (x *town) checkBoxes(b *roster.Boxes, to ...roster.Key) {
	x.t.Helper()
	if x.open() {
		if b != nil {
			x.t.Fatal("boxes in an open topic")
		}
		return
	}
	n := len(to)
	all := x.boxes[b.Log]
	if int(b.Count) != n || b.First+uint64(n) > uint64(len(all)) {
		x.t.Fatalf("%d boxes from %d on of %d, want %d", b.Count, b.First, len(all), n)
	}
	var leaves []digest.Hash
	var before roster.Key
	for i, r := range all[b.First : b.First+uint64(n)] {
		body, err := roster.DecodeBox(r.Body)
		if err != nil {
			x.t.Fatal(err)
		}
		if i > 0 && bytes.Compare(before[:], body.Recipient[:]) >= 0 {
			x.t.Fatal("boxes are not sorted")
		}
		if e, _ := x.s.Epoch(); body.Epoch != e.Number {
			x.t.Fatalf("a box of epoch %d, want %d", body.Epoch, e.Number)
		}
		before = body.Recipient
		leaf, err := (&event.Event{Type: r.Type, Payload: r.Body}).LeafHash(r.Time, 0)
		if err != nil {
			x.t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	if root := rootSlow(leaves); root != b.Root {
		x.t.Fatalf("boxes under root %s, want %s", b.Root.Short(), root.Short())
	}
	e, _ := x.s.Epoch()
	for _, r := range x.s.Recipients() {
		if slices.Contains(to, r.ID) {
			x.checkOpens(&e.Epoch, b, r)
		}
	}
}

func rootSlow(leaves []digest.Hash) digest.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return digest.Node(rootSlow(leaves[:k]), rootSlow(leaves[k:]))
}

// checkClosed checks that nobody whom an epoch is not for has a box of it, or opens one
// of another.
func (x *town) checkClosed(e *roster.Epoch) {
	x.t.Helper()
	in := map[roster.Key]bool{}
	for _, r := range x.s.Recipients() {
		in[r.ID] = true
	}
	all := x.bodies(&e.Boxes)
	for _, body := range all {
		if to := roster.Key(body.Recipient); !in[to] {
			x.t.Fatalf("a box of epoch %d for %s", e.Number, x.names[to])
		}
	}
	for k, private := range x.kems {
		body := &all[int(k[0])%len(all)]
		if _, _, err := body.OpenAll(private[len(private)-1], x.topic); !in[k] && err == nil {
			x.t.Fatalf("%s opens a box of %s", x.names[k], x.names[roster.Key(body.Recipient)])
		}
	}
}

// bodies returns boxes as package seal has them.
func (x *town) bodies(b *roster.Boxes) (all []seal.Box) {
	for _, r := range x.boxes[b.Log][b.First : b.First+uint64(b.Count)] {
		body, err := seal.DecodeBox(r.Body)
		if err != nil {
			x.t.Fatal(err)
		}
		all = append(all, body)
	}
	return all
}

// checkOpens checks that a recipient finds what it has to find in its box.
func (x *town) checkOpens(e *roster.Epoch, b *roster.Boxes, want roster.Recipient) {
	x.t.Helper()
	info := infoOf(e)
	if x.foreign && !slices.ContainsFunc(x.kems[want.ID], func(k *seal.PrivateKey) bool { return bytes.Equal(k.Public()[:], want.KEM) }) {
		return
	}
	for _, body := range x.bodies(b) {
		if roster.Key(body.Recipient) != want.ID {
			continue
		}
		if body.Kind != want.Kind {
			x.t.Fatalf("a box of kind %d for %s, want %d", body.Kind, x.names[want.ID], want.Kind)
		}
		for _, p := range x.kems[want.ID] {
			secret, join, err := body.OpenAll(p, x.topic)
			if want.Kind == roster.BoxAll && err == nil && info.Check(secret) == nil && info.CheckJoin(join) == nil {
				return
			}
			join, err = body.OpenJoin(p, x.topic)
			if want.Kind == roster.BoxJoin && err == nil && info.CheckJoin(join) == nil {
				return
			}
		}
	}
	x.t.Fatalf("%s opens no box of epoch %d", x.names[want.ID], e.Number)
}
