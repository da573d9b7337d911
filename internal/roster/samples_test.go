// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// The samples are one or more of every record and ask, made of names alone, so
// that another language can make them too: tests and vectors use them.

var (
	sampleGenesis = Genesis{
		Policy: identity.PolicySealed | identity.PolicyHistory | identity.PolicyErasable, Owner: pub(keyOf("owner")), Steward: pub(keyOf("owner's laptop")),
		LobbyHash: digest.Sum([]byte("lobby")), EraseDays: 7, Need: 2,
		Successors: sortedKeys("heir 0", "heir 1", "heir 2"),
	}
	sampleTopic = sampleGenesis.ID()
	sampleAsk   = AskRef{digest.Sum([]byte("log")), 5}
	sampleBoxes = Boxes{digest.Sum([]byte("box log")), 3, 2, digest.Sum([]byte("boxes"))}
	samplePoint = Point{Position{1, 2, 300}, digest.Sum([]byte("root"))}
)

func sortedKeys(names ...string) (all [][32]byte) {
	for _, n := range names {
		k := pub(keyOf(n))
		at := 0
		for at < len(all) && string(all[at][:]) < string(k[:]) {
			at++
		}
		all = append(all[:at], append([][32]byte{k}, all[at:]...)...)
	}
	return all
}

// heirKey returns the key of the successor with an index in a genesis.
func heirKey(g *Genesis, index int) ed25519.PrivateKey {
	for _, n := range []string{"heir 0", "heir 1", "heir 2"} {
		if k := keyOf(n); pub(k) == Key(g.Successors[index]) {
			return k
		}
	}
	panic("no such successor")
}

func samplePrefix(name string, size uint64) Prefix {
	if size == 0 {
		return Prefix{digest.Sum([]byte(name)), 0, digest.Empty}
	}
	return Prefix{digest.Sum([]byte(name)), size, digest.Sum([]byte(name + " root"))}
}

// samplePrefixes returns two prefixes in the order of their logs.
func samplePrefixes() []Prefix {
	a, b := samplePrefix("log a", 0), samplePrefix("log b", 17)
	if string(a.Log[:]) > string(b.Log[:]) {
		a, b = b, a
	}
	return []Prefix{a, b}
}

func sampleCard() SignedCard {
	return SignCard(sampleTopic, Card{
		Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 16384, Number: 0,
		KEM: kemOf("ann's phone"), AccountKEM: kemOf("ann"), Recovery: kemOf("recovery")[:RecoveryBytes],
	}, keyOf("ann"), keyOf("ann's phone"))
}

func sampleDevice() SignedDevice {
	return SignDevice(sampleTopic, DeviceCard{
		Account: pub(keyOf("ann")), Device: pub(keyOf("ann's laptop")), PageBytes: 4096, Number: 2,
		Parent: pub(keyOf("ann's phone")), Ends: &End{9, digest.Sum([]byte("end"))}, KEM: kemOf("ann's laptop"),
	}, keyOf("ann's phone"), keyOf("ann's laptop"))
}

func sampleInvite() Invite {
	return Invite{Key: pub(keyOf("invite")), Role: Writer, Uses: 3, Expiry: 1800000000, KEM: kemOf("invite")}
}

func sampleLink() Invite {
	v := Invite{Key: pub(keyOf("link")), Uses: 1, KEM: kemOf("link")}
	v.SignLink(sampleTopic, pub(keyOf("ann")), keyOf("ann's phone"))
	return v
}

// sampleFork returns heads of sizes 1 and 2 that contradict each other.
func sampleFork() *Fork {
	key := keyOf("ann's phone")
	f := &Fork{Author: pub(key), PageBytes: 16384}
	a, b, c := digest.Leaf([]byte("a")), digest.Leaf([]byte("b")), digest.Leaf([]byte("c"))
	old := proof.Sign(key, f.Log(sampleTopic), 1, a)
	young := proof.Sign(key, f.Log(sampleTopic), 2, digest.Node(b, c))
	f.Old, f.New = Head{1, old.Root, old.Sig}, Head{2, young.Root, young.Sig}
	f.Root, f.Hashes = b, []digest.Hash{c}
	return f
}

func sampleTerm(by uint8) *Term {
	t := &Term{Last: samplePrefix("leg", 12), Term: 3, Steward: pub(keyOf("ann's phone")), By: by}
	if by == ByOwner {
		t.Sign(sampleTopic, 0, keyOf("owner"))
	} else {
		t.Sign(sampleTopic, 2, heirKey(&sampleGenesis, 2))
		t.Sign(sampleTopic, 0, heirKey(&sampleGenesis, 0))
	}
	return t
}

func sampleRight() Right {
	return Right{Account: pub(keyOf("ann")), On: pub(keyOf("owner")), What: "mcp/search", Calls: 10, Per: 3600, Until: 1800000000}
}

func sampleView() ViewState {
	return ViewState{
		View: "list", Version: 2, At: samplePoint, Logs: samplePrefixes(), Hash: digest.Sum([]byte("state")),
		Blob: &Blob{digest.Sum([]byte("blob")), 1 << 20, kemOf("key")[:blobKeySealed]},
	}
}

func sampleRanges() []LogRange {
	log := digest.Sum([]byte("log"))
	return []LogRange{{log, Range{0, 3}}, {log, Range{4, 1}}}
}

func sampleRecords() []Record {
	card, device := sampleCard(), sampleDevice()
	p := ProveInvite(sampleTopic, card.Card, keyOf("invite"))
	log := card.Card.Log(sampleTopic)
	epoch := Epoch{1, digest.Sum([]byte("epoch")), digest.Sum([]byte("join")), digest.Sum([]byte("readers")), sampleBoxes, kemOf("step")[:StepBytes]}
	plain := epoch
	plain.Number, plain.Step = 0, nil
	return []Record{
		&Founding{sampleGenesis.Append(nil)},
		&Begin{Before: samplePrefix("leg", 12)},
		&Begin{Term: sampleTerm(ByOwner)},
		&Begin{Term: sampleTerm(BySuccessors)},
		ownerAdmit(sampleGenesis, "owner's laptop"),
		&Admit{Ask: AskRef{Log: log}, Role: Writer, By: &p, Card: card, Boxes: &sampleBoxes},
		&AddDevice{Ask: sampleAsk, Device: device, Boxes: &sampleBoxes},
		&SetRole{Ask: sampleAsk, Change: RoleChange{pub(keyOf("ann")), Reader}, Cuts: samplePrefixes()},
		&Remove{Ask: sampleAsk, Target: Target{Account: pub(keyOf("ann"))}, Cuts: samplePrefixes(), Keep: []Key{pub(keyOf("invite"))}},
		&Remove{Target: Target{pub(keyOf("ann")), pub(keyOf("ann's phone"))}},
		&MakeInvite{Ask: sampleAsk, Invite: sampleInvite(), Boxes: &sampleBoxes},
		&MakeInvite{Invite: sampleLink()},
		&Uninvite{Ask: sampleAsk, Invite: pub(keyOf("invite"))},
		&epoch, &plain,
		&CutLog{Ask: sampleAsk, Cut: samplePrefix("log", 7)},
		&CutLog{Cut: samplePrefix("log", 0), Fork: sampleFork()},
		&Erase{Ask: sampleAsk, Ranges: sampleRanges()},
		&Snapshot{Ask: sampleAsk, State: sampleView()},
		&Grant{Ask: sampleAsk, Right: sampleRight()},
		&Answer{sampleAsk.Log, 6},
		&Handover{sampleAsk, pub(keyOf("ann's phone"))},
	}
}

func sampleAsks() []Ask {
	card := sampleCard()
	invite, link, key, ranges := sampleInvite(), sampleLink(), pub(keyOf("invite")), sampleRanges()
	right, view := sampleRight(), sampleView()
	request := func(what uint8, content any) Ask { return &Request{samplePoint, what, content} }
	return []Ask{
		&Join{ProveInvite(sampleTopic, card.Card, keyOf("invite")), card},
		&Leave{},
		&DeviceAsk{sampleDevice()},
		&EraseOwn{[]Range{{0, 2}, {5, 1}}},
		&OwnSnapshot{view},
		request(AskRemove, &Target{Account: pub(keyOf("ann"))}),
		request(AskRole, &RoleChange{pub(keyOf("ann")), Admin}),
		request(AskInvite, &invite),
		request(AskInvite, &link),
		request(AskUninvite, &key),
		request(AskCut, &AskedCut{samplePrefix("log", 7), sampleFork()}),
		request(AskErase, &ranges),
		request(AskGrant, &right),
		request(AskSnapshot, &view),
		request(AskAdmit, &AskedAdmit{Reader, card}),
		request(AskHandover, nil),
	}
}

func sampleBoxRecords() []*Box {
	return []*Box{
		{BoxAll, 1, pub(keyOf("ann")), kemOf("box")[:1200]},
		{BoxJoin, 1, pub(keyOf("ann")), kemOf("box")[:1168]},
	}
}
