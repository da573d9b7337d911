// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// The twin writes bodies by hand, field by field, as the byte tables draw them.

func le(width int, n uint64) (b []byte) {
	for range width {
		b, n = append(b, byte(n)), n>>8
	}
	return b
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

func shown(yes bool, parts ...[]byte) []byte {
	if !yes {
		return []byte{0}
	}
	return append([]byte{1}, cat(parts...)...)
}

func long(b []byte) []byte { return append(le(2, uint64(len(b))), b...) }

func twinAsk(a AskRef) []byte { return cat(a.Log[:], le(8, a.Seq)) }

func twinPrefix(p Prefix) []byte { return cat(p.Log[:], le(8, p.Size), p.Root[:]) }

func twinPrefixes(s []Prefix) []byte {
	b := le(2, uint64(len(s)))
	for _, p := range s {
		b = append(b, twinPrefix(p)...)
	}
	return b
}

func twinBoxes(b *Boxes) []byte {
	if b == nil {
		return []byte{0}
	}
	return shown(true, b.Log[:], le(8, b.First), le(4, uint64(b.Count)), b.Root[:])
}

func twinPoint(p Point) []byte {
	return cat(le(4, uint64(p.Term)), le(4, uint64(p.Leg)), le(6, p.Size), p.Root[:])
}

func twinTerm(t *Term) []byte {
	b := cat(twinPrefix(t.Last), le(4, uint64(t.Term)), t.Steward[:], []byte{t.By, byte(len(t.Signed))})
	for _, s := range t.Signed {
		b = cat(b, []byte{s.Index}, s.Sig[:])
	}
	return b
}

func twinCard(s SignedCard) []byte {
	k := s.Card
	return cat(k.Account[:], k.Device[:], le(4, uint64(k.PageBytes)), le(8, k.Number), long(k.KEM), long(k.AccountKEM), long(k.Recovery),
		s.AccountSig[:], s.DeviceSig[:])
}

func twinDevice(s SignedDevice) []byte {
	k, ends := s.Card, []byte{0}
	if k.Ends != nil {
		ends = shown(true, le(8, k.Ends.Size), k.Ends.Root[:])
	}
	return cat(k.Account[:], k.Device[:], le(4, uint64(k.PageBytes)), le(8, k.Number), k.Parent[:], ends, long(k.KEM),
		s.Signer[:], s.SignerSig[:], s.DeviceSig[:])
}

func twinInvite(v Invite) []byte {
	link := []byte{0}
	if v.Link != nil {
		link = shown(true, v.Link.Account[:], v.Link.Signer[:], v.Link.Sig[:])
	}
	return cat(v.Key[:], []byte{byte(v.Role)}, le(2, uint64(v.Uses)), le(6, v.Expiry), long(v.KEM), link)
}

func twinFork(f *Fork) []byte {
	if f == nil {
		return []byte{0}
	}
	b := shown(true, f.Author[:], le(4, uint64(f.PageBytes)), le(8, f.Number),
		le(8, f.Old.Size), f.Old.Root[:], f.Old.Sig[:], le(8, f.New.Size), f.New.Root[:], f.New.Sig[:],
		f.Root[:], []byte{byte(len(f.Hashes))})
	for _, h := range f.Hashes {
		b = append(b, h[:]...)
	}
	return b
}

func twinRanges(s []LogRange) []byte {
	b := le(2, uint64(len(s)))
	for _, r := range s {
		b = cat(b, r.Log[:], le(8, r.First), le(8, r.Count))
	}
	return b
}

func twinView(v ViewState) []byte {
	blob := []byte{0}
	if v.Blob != nil {
		blob = shown(true, v.Blob.Root[:], le(8, v.Blob.Size), long(v.Blob.Key))
	}
	return cat([]byte{byte(len(v.View))}, []byte(v.View), le(4, uint64(v.Version)), twinPoint(v.At), twinPrefixes(v.Logs), v.Hash[:], blob)
}

func twinRight(r Right) []byte {
	return cat(r.Account[:], r.On[:], []byte{byte(len(r.What))}, []byte(r.What), le(4, uint64(r.Calls)), le(4, uint64(r.Per)), le(6, r.Until))
}

func twinRecord(r Record) []byte {
	switch r := r.(type) {
	case *Founding:
		return r.Body
	case *Begin:
		if r.Term == nil {
			return cat([]byte{0}, twinPrefix(r.Before))
		}
		return shown(true, twinTerm(r.Term))
	case *Admit:
		by := []byte{0}
		if r.By != nil {
			by = shown(true, r.By.Invite[:], r.By.Sig[:])
		}
		return cat(twinAsk(r.Ask), []byte{byte(r.Role)}, by, twinCard(r.Card), twinBoxes(r.Boxes))
	case *AddDevice:
		return cat(twinAsk(r.Ask), twinDevice(r.Device), twinBoxes(r.Boxes))
	case *SetRole:
		return cat(twinAsk(r.Ask), r.Change.Account[:], []byte{byte(r.Change.Role)}, twinPrefixes(r.Cuts))
	case *Remove:
		b := cat(twinAsk(r.Ask), r.Target.Account[:], r.Target.Device[:], twinPrefixes(r.Cuts), le(2, uint64(len(r.Keep))))
		for _, k := range r.Keep {
			b = append(b, k[:]...)
		}
		return b
	case *MakeInvite:
		return cat(twinAsk(r.Ask), twinInvite(r.Invite), twinBoxes(r.Boxes))
	case *Uninvite:
		return cat(twinAsk(r.Ask), r.Invite[:])
	case *Epoch:
		return cat(le(8, r.Number), r.ID[:], r.Join[:], r.Readers[:], twinBoxes(&r.Boxes)[1:], long(r.Step))
	case *CutLog:
		return cat(twinAsk(r.Ask), twinPrefix(r.Cut), twinFork(r.Fork))
	case *Erase:
		return cat(twinAsk(r.Ask), twinRanges(r.Ranges))
	case *Snapshot:
		return cat(twinAsk(r.Ask), twinView(r.State))
	case *Grant:
		return cat(twinAsk(r.Ask), twinRight(r.Right))
	case *Answer:
		return cat(r.Log[:], le(8, r.Size))
	case *Handover:
		return cat(twinAsk(r.Ask), r.Device[:])
	}
	return nil
}

func twinOfAsk(a Ask) []byte {
	switch a := a.(type) {
	case *Join:
		return cat(a.By.Invite[:], a.By.Sig[:], twinCard(a.Card))
	case *Leave:
		return []byte{}
	case *DeviceAsk:
		return twinDevice(a.Device)
	case *EraseOwn:
		b := le(2, uint64(len(a.Ranges)))
		for _, r := range a.Ranges {
			b = cat(b, le(8, r.First), le(8, r.Count))
		}
		return b
	case *OwnSnapshot:
		return twinView(a.State)
	case *Request:
		return cat(twinPoint(a.At), []byte{a.What}, twinContent(a.Content))
	}
	return nil
}

func twinContent(content any) []byte {
	switch x := content.(type) {
	case *Target:
		return cat(x.Account[:], x.Device[:])
	case *RoleChange:
		return cat(x.Account[:], []byte{byte(x.Role)})
	case *Invite:
		return twinInvite(*x)
	case *Key:
		return x[:]
	case *AskedCut:
		return cat(twinPrefix(x.Cut), twinFork(x.Fork))
	case *[]LogRange:
		return twinRanges(*x)
	case *Right:
		return twinRight(*x)
	case *ViewState:
		return twinView(*x)
	case *AskedAdmit:
		return cat([]byte{byte(x.Role)}, twinCard(x.Card))
	}
	return nil
}

func TestBytesAreThoseOfTheTables(t *testing.T) {
	for _, r := range sampleRecords() {
		if got, err := Encode(nil, r); err != nil || !bytes.Equal(got, twinRecord(r)) {
			t.Errorf("%s: %x, %v, want %x", r.Type(), got, err, twinRecord(r))
		}
	}
	for _, a := range sampleAsks() {
		if got, err := EncodeAsk(nil, a); err != nil || !bytes.Equal(got, twinOfAsk(a)) {
			t.Errorf("%s: %x, %v, want %x", a.Type(), got, err, twinOfAsk(a))
		}
	}
	for _, b := range sampleBoxRecords() {
		want := cat([]byte{b.Kind}, le(8, b.Epoch), b.Recipient[:], b.Sealed)
		if got, err := AppendBox(nil, b); err != nil || !bytes.Equal(got, want) {
			t.Errorf("box of kind %d: %x, %v", b.Kind, got, err)
		}
	}
}

// The signatures of the samples are over what the table of signatures says.
func TestSignatures(t *testing.T) {
	topic := sampleTopic
	card, device, link := sampleCard(), sampleDevice(), sampleLink()
	cardBytes := twinCard(card)
	cardBytes = cardBytes[:len(cardBytes)-128]
	deviceBytes := twinDevice(device)
	deviceBytes = deviceBytes[:len(deviceBytes)-160]
	linkBytes := twinInvite(link)
	linkBytes = linkBytes[:len(linkBytes)-96]
	p := ProveInvite(topic, card.Card, keyOf("invite"))
	term, succession := sampleTerm(ByOwner), sampleTerm(BySuccessors)
	for _, x := range []struct {
		tag   string
		key   string
		sig   Signature
		parts [][]byte
	}{
		{"xaeroflux admit v1", "ann", card.AccountSig, [][]byte{topic[:], cardBytes}},
		{"xaeroflux admitted device v1", "ann's phone", card.DeviceSig, [][]byte{topic[:], cardBytes}},
		{"xaeroflux join v1", "invite", p.Sig, [][]byte{topic[:], p.Invite[:], cardBytes}},
		{"xaeroflux device v1", "ann's phone", device.SignerSig, [][]byte{topic[:], deviceBytes}},
		{"xaeroflux added device v1", "ann's laptop", device.DeviceSig, [][]byte{topic[:], deviceBytes}},
		{"xaeroflux link v1", "ann's phone", link.Link.Sig, [][]byte{topic[:], linkBytes}},
		{"xaeroflux term v1", "owner", term.Signed[0].Sig, [][]byte{topic[:], twinTerm(term)[:109]}},
	} {
		if want := sign(keyOf(x.key), x.tag, x.parts...); want != x.sig {
			t.Errorf("%s: %x, want %x", x.tag, x.sig, want)
		}
	}
	want := sign(heirKey(&sampleGenesis, 2), "xaeroflux succession v1", topic[:], twinTerm(succession)[:109])
	if succession.Signed[1].Sig != want || !succession.Verify(topic, &sampleGenesis) || !term.Verify(topic, &sampleGenesis) {
		t.Error("succession is signed wrongly")
	}
	if !card.Verify(topic) || !device.Verify(topic) || !link.VerifyLink(topic) || !p.Verify(topic, &card.Card) || !sampleFork().Verify(topic) {
		t.Error("a sample does not verify")
	}
	if card.Verify(digest.Sum(nil)) || device.Verify(digest.Sum(nil)) || sampleFork().Verify(digest.Sum(nil)) {
		t.Error("a sample verifies in another topic")
	}
}
