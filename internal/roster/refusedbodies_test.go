// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func ofRoster(r Record, bad ...edit) refusal { return refusal{"roster", r.Type(), mustEncode(r), bad} }

func ofData(a Ask, bad ...edit) refusal { return refusal{"data", a.Type(), mustEncode(a), bad} }

var (
	high  = binary.LittleEndian.AppendUint64(nil, MaxSize+1)
	empty = digest.Empty[:]
	other = word32("other")
)

func word32(s string) []byte {
	h := digest.Sum([]byte(s))
	return h[:]
}

func zeros(n int) []byte { return make([]byte, n) }

// badAsk is what no AskRef at the front is, if the good one names a log.
func badAsk() []edit {
	return []edit{set("ask: a sequence of no log", 0, zeros(32)...), set("ask: sequence 2⁴⁸", 32, high...)}
}

// badPrefix is what no Prefix at an offset is, if the good one has a size.
func badPrefix(at int) []edit {
	return []edit{
		set("a size without that many leaves: root of the empty tree", at+40, empty...),
		set("size 0 with a root", at+32, zeros(8)...),
		set("size 2⁴⁸", at+32, high...),
	}
}

// badBoxes is what no boxes at an offset are.
func badBoxes(at int) []edit {
	return []edit{
		set("no boxes", at+40, 0, 0, 0, 0), set("8001 boxes", at+40, 0x41, 0x1f, 0, 0), set("boxes from 2⁴⁸", at+32, high...),
	}
}

// badKEM is what no length of a KEM key at an offset is, if there is none.
func badKEM(at int) []edit {
	return []edit{
		{"KEM key of 32 bytes", at, 2, append([]byte{32, 0}, other...)},
		set("KEM key that is not there", at, 0xc0, 4),
	}
}

// refusedLegs are how no leg begins or ends.
func refusedLegs() []refusal {
	owner, heirs := sampleTerm(ByOwner), sampleTerm(BySuccessors)
	sig := mustEncode(&Begin{Term: owner})[111:]
	many := []byte{17}
	for i := range byte(17) {
		many = append(append(many, i), sig[1:]...)
	}
	two := mustEncode(&Begin{Term: heirs})[111:]
	swapped := slices.Concat(two[65:], two[:65])
	return []refusal{
		ofRoster(&Begin{Before: samplePrefix("leg", 12)}, append(badPrefix(1),
			set("presence 2", 0, 2), set("nothing before", 33, append(zeros(8), empty...)...), set("a term record that is not there", 0, 1))...),
		ofRoster(&Begin{Term: owner}, append(badPrefix(1),
			set("size of log 0", 1, zeros(32)...), set("log of size 0", 33, append(zeros(8), empty...)...),
			set("term 0", 73, 0, 0, 0, 0), set("by 0", 109, 0), set("by 3", 109, 3), set("index 1 of the owner", 111, 1),
			edit{"no signatures", 110, 66, []byte{0}}, edit{"two signatures of the owner", 110, 66, slices.Concat([]byte{2}, sig, []byte{1}, sig[1:])})...),
		ofRoster(&Begin{Term: heirs},
			set("signatures that fall", 111, swapped...), set("a successor twice", 176, two[0]), set("two signatures by the owner", 109, ByOwner),
			edit{"17 signatures", 110, 131, many}, set("fewer signatures than it says", 110, 3)),
		ofRoster(&Handover{sampleAsk, pub(keyOf("ann's phone"))}, badAsk()...),
	}
}

// Small values: without KEM keys, whose lengths are refused by themselves.

func smallCard() SignedCard {
	return SignCard(sampleTopic, Card{Account: pub(keyOf("ann")), Device: pub(keyOf("ann's phone")), PageBytes: 16384}, keyOf("ann"), keyOf("ann's phone"))
}

func smallDevice() SignedDevice {
	d := sampleDevice().Card
	d.KEM = nil
	return SignDevice(sampleTopic, d, keyOf("ann's phone"), keyOf("ann's laptop"))
}

func smallInvite() Invite { return Invite{Key: pub(keyOf("invite")), Role: Writer, Uses: 3} }

// badCard is what no signed card at an offset is, if it has no KEM keys.
func badCard(at int) []edit {
	return append(badKEM(at+76),
		edit{"account's KEM key of 32 bytes", at + 78, 2, append([]byte{32, 0}, other...)},
		edit{"recovery box of 32 bytes", at + 80, 2, append([]byte{32, 0}, other...)},
	)
}

// badDevice is what no signed device at an offset is.
func badDevice(at int) []edit {
	d := pub(keyOf("ann's laptop"))
	return append(badKEM(at+149),
		set("a copy of itself", at+76, d[:]...), set("presence 2 of an end", at+108, 2),
		set("end of size 0 with a root", at+109, zeros(8)...), set("end of some size with the root of the empty tree", at+117, empty...),
		set("end of size 2⁴⁸", at+109, high...),
	)
}

// badInvite is what no invite at an offset is, if it is a writer's.
func badInvite(at int) []edit {
	return append(badKEM(at+41),
		set("role 0", at+32, 0), set("role owner", at+32, byte(Owner)), set("role 7", at+32, 7), set("no uses", at+33, 0, 0),
		set("presence 2 of an account", at+43, 2), set("role device without an account", at+32, byte(Device)),
		edit{"role writer with an account", at + 43, 1, append([]byte{1}, zeros(128)...)},
	)
}

func refusedMembers() []refusal {
	p := ProveInvite(sampleTopic, smallCard().Card, keyOf("invite"))
	admit := ofRoster(&Admit{Ask: sampleAsk, Role: Writer, By: &p, Card: smallCard(), Boxes: &sampleBoxes}, slices.Concat(badAsk(), badCard(138), badBoxes(349))...)
	device := ofRoster(&AddDevice{sampleAsk, smallDevice(), &sampleBoxes}, slices.Concat(badAsk(), badDevice(40), badBoxes(352))...)
	invite := ofRoster(&MakeInvite{sampleAsk, smallInvite(), &sampleBoxes}, slices.Concat(badAsk(), badInvite(40), badBoxes(85))...)
	admit.bad = append(admit.bad,
		edit{"KEM key of 1215 bytes", 214, 2, append([]byte{0xbf, 4}, kemOf("key")[:1215]...)}, edit{"recovery box as long as a key", 218, 2, append([]byte{0xc0, 4}, kemOf("key")...)})
	admit.bad = append(admit.bad, set("role 0", 40, 0), set("role device", 40, byte(Device)), set("presence 2 of an invite", 41, 2), set("presence 2 of boxes", 348, 2))
	device.bad = append(device.bad, set("presence 2 of boxes", 351, 2))
	invite.bad = append(invite.bad, set("presence 2 of boxes", 84, 2))
	return []refusal{
		admit, device, invite,
		ofRoster(&MakeInvite{Invite: sampleLinkSmall()}, set("ask: a sequence of no log", 32, 1), set("role writer with an account", 72, byte(Writer)), set("no account", 83, 0)),
		ofRoster(&Uninvite{sampleAsk, pub(keyOf("invite"))}, badAsk()...),
	}
}

func sampleLinkSmall() Invite {
	v := Invite{Key: pub(keyOf("link")), Uses: 1}
	v.SignLink(sampleTopic, pub(keyOf("ann")), keyOf("ann's phone"))
	return v
}

// badCuts is what no list of two cuts is, whose number is at an offset and whose
// second one has a size.
func badCuts(at int) []edit {
	list := append([]byte{}, mustEncode(&SetRole{Change: RoleChange{Role: Reader}, Cuts: samplePrefixes()})[75:]...)
	first, second := list[:72], list[72:]
	sized := at + 2
	if binary.LittleEndian.Uint64(first[32:]) == 0 {
		sized += 72
	}
	return append(badPrefix(sized),
		set("cuts that fall", at+2, slices.Concat(second, first)...), set("a log cut twice", at+2, slices.Concat(first, first)...),
	)
}

func refusedChanges() []refusal {
	role := ofRoster(&SetRole{sampleAsk, RoleChange{pub(keyOf("ann")), Reader}, samplePrefixes()}, slices.Concat(badAsk(), badCuts(73))...)
	role.bad = append(role.bad, set("role 0", 72, 0), set("role owner", 72, byte(Owner)), set("role device", 72, byte(Device)), set("fewer cuts than it says", 73, 3, 0))
	keys := sortedKeys("invite", "link")
	remove := ofRoster(&Remove{sampleAsk, Target{Account: pub(keyOf("ann"))}, samplePrefixes(), []Key{keys[0], keys[1]}}, slices.Concat(badAsk(), badCuts(104))...)
	remove.bad = append(remove.bad,
		set("invites that fall", 252, slices.Concat(keys[1][:], keys[0][:])...), set("an invite twice", 252, slices.Concat(keys[0][:], keys[0][:])...),
		set("fewer invites than it says", 250, 3, 0),
	)
	e := Epoch{Number: 1, ID: digest.Sum([]byte("epoch")), Join: digest.Sum([]byte("join")), Readers: digest.Sum([]byte("readers")), Boxes: sampleBoxes, Step: kemOf("step")[:StepBytes]}
	epoch := ofRoster(&e, append(badBoxes(104),
		edit{"step of 59 bytes", 180, 3, []byte{59, 0}}, edit{"step of 61 bytes", 180, 2, []byte{61, 0, 7}}, set("more bytes than a step", 180, 0, 0))...)
	cut := ofRoster(&CutLog{sampleAsk, samplePrefix("log", 7), sampleFork()}, append(badAsk(), badPrefix(40)...)...)
	cut.bad = append(cut.bad, badFork(113)...)
	cut.bad = append(cut.bad, set("presence 2 of a fork", 112, 2))
	return []refusal{role, remove, epoch, cut}
}

// badFork is what no fork at an offset is, if it has one hash.
func badFork(at int) []edit {
	return []edit{
		set("older head of size 2⁴⁸", at+44, high...), set("newer head of size 2⁴⁸", at+148, high...),
		edit{"65 hashes", at + 284, 33, append([]byte{65}, bytes.Repeat(other, 65)...)}, set("fewer hashes than it says", at+284, 2),
	}
}

// badRanges is what no two ranges [0, 3) and [4, 5) are, whose number is at an
// offset; before each of them stand so many bytes.
func badRanges(at, before int) []edit {
	first, second := at+2+before, at+2+16+2*before
	return []edit{
		edit{"no ranges", at, 2 + 2*(16+before), []byte{0, 0}}, set("fewer ranges than it says", at, 3, 0),
		set("a range of nothing", first+8, zeros(8)...), set("a range from 2⁴⁸", second, high...), set("a range of 2⁴⁸ events", second+8, high...),
		set("a range beyond 2⁴⁸−1", second+8, binary.LittleEndian.AppendUint64(nil, MaxSize-3)...),
		set("ranges that touch", second, 3), set("ranges that overlap", second, 2), set("ranges that fall", first, 5), set("a range twice", second, 0, 0, 0, 0, 0, 0, 0, 0, 3),
	}
}

// smallView has a blob whose key is a plain topic's.
func smallView() ViewState {
	v := sampleView()
	v.Blob = &Blob{v.Blob.Root, v.Blob.Size, word32("key")}
	return v
}

// badView is what no state of a view at an offset is, whose name has 4 bytes.
func badView(at int) []edit {
	blob := at + 57 + 144 + 32
	return append(badCuts(at+55),
		edit{"no name", at, 5, []byte{0}}, edit{"name of 64 bytes", at, 5, append([]byte{64}, bytes.Repeat([]byte("n"), 64)...)},
		set("position of size 0", at+17, zeros(6)...), set("presence 2 of a blob", blob, 2), set("blob of 2⁴⁸ bytes", blob+33, high...),
		edit{"key of 33 bytes", blob + 41, 2, []byte{33, 0, 7}}, edit{"no key", blob + 41, 34, []byte{0, 0}},
	)
}

// badRight is what no right at an offset is, whose name has 10 bytes.
func badRight(at int) []edit {
	return []edit{
		edit{"no name", at + 64, 11, []byte{0}}, edit{"name of 64 bytes", at + 64, 11, append([]byte{64}, bytes.Repeat([]byte("n"), 64)...)},
		set("no calls, but within some time", at+75, append(zeros(4), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)...),
		set("no calls, but until some time", at+75, append(zeros(8), 1, 0, 0, 0, 0, 0)...),
	}
}

func refusedOthers() []refusal {
	erase := ofRoster(&Erase{sampleAsk, sampleRanges()}, append(badAsk(), badRanges(40, 32)...)...)
	logs := []digest.Hash{samplePrefixes()[0].Log, samplePrefixes()[1].Log}
	return []refusal{
		erase,
		ofRoster(&Erase{Ranges: []LogRange{{logs[0], Range{4, 1}}, {logs[1], Range{0, 3}}}},
			set("logs that fall", 42, slices.Concat(logs[1][:], binary.LittleEndian.AppendUint64(nil, 4), binary.LittleEndian.AppendUint64(nil, 1), logs[0][:])...)),
		ofRoster(&Snapshot{sampleAsk, smallView()}, append(badAsk(), badView(40)...)...),
		ofRoster(&Grant{sampleAsk, sampleRight()}, append(badAsk(), badRight(40)...)...),
		ofRoster(&Answer{sampleAsk.Log, 6}, set("size 0", 32, zeros(8)...), set("size 2⁴⁸", 32, high...)),
	}
}

func refusedAsks() []refusal {
	card, invite, ranges, right, view := smallCard(), smallInvite(), sampleRanges(), sampleRight(), smallView()
	request := func(what uint8, content any, bad ...edit) refusal {
		return ofData(&Request{samplePoint, what, content}, append(bad, set("position of size 0", 8, zeros(6)...), set("what 0", 46, 0), set("what 11", 46, 11))...)
	}
	boxes := sampleBoxRecords()
	box := func(b *Box, bad ...edit) refusal { return refusal{"box", BoxType, mustEncode(b), bad} }
	return []refusal{
		ofData(&Join{ProveInvite(sampleTopic, card.Card, keyOf("invite")), card}, badCard(96)...),
		ofData(&Leave{}),
		ofData(&DeviceAsk{smallDevice()}, badDevice(0)...),
		ofData(&EraseOwn{[]Range{{0, 3}, {4, 1}}}, badRanges(0, 0)...),
		ofData(&OwnSnapshot{view}, badView(0)...),
		request(AskRemove, &Target{Account: pub(keyOf("ann"))}),
		request(AskRole, &RoleChange{pub(keyOf("ann")), Admin}, set("role owner", 79, byte(Owner)), set("role device", 79, byte(Device))),
		request(AskInvite, &invite, badInvite(47)...),
		request(AskUninvite, new(pub(keyOf("invite")))),
		request(AskCut, &AskedCut{samplePrefix("log", 7), sampleFork()}, slices.Concat(badPrefix(47), badFork(120), []edit{set("presence 2 of a fork", 119, 2)})...),
		request(AskErase, &ranges, badRanges(47, 32)...),
		request(AskGrant, &right, badRight(47)...),
		request(AskSnapshot, &view, badView(47)...),
		request(AskAdmit, &AskedAdmit{Reader, card}, append(badCard(48), set("role owner", 47, byte(Owner)), set("role device", 47, byte(Device)))...),
		request(AskHandover, nil),
		box(boxes[0], set("kind 0", 0, 0), set("kind 2 of the length of kind 1", 0, 2), set("kind 3", 0, 3)),
		box(boxes[1], set("kind 1 of the length of kind 2", 0, 1), set("a recovery box", 0, 3)),
	}
}

func refusedCertificates() []refusal {
	cert := func(x *Certificate, bad ...edit) refusal { return refusal{"certificate", "", mustEncode(x), bad} }
	p := RecordProof{ProvesBegin, 0, 1000, []byte("body"), []digest.Hash{digest.Sum([]byte("hash"))}}
	last := p
	last.Type, last.Seq = ProvesHandover, 4
	legs := []LegProof{{Author: pub(keyOf("ann's phone")), Head: Head{Size: 5, Root: digest.Sum([]byte("root"))}, Begin: p, Handover: &last}}
	x := &Certificate{Member: &Membership{pub(keyOf("ann's phone")), legs, 0, p}, Sig: Signature{1}}
	const leg, begin, shown = 34, 178, 178 + 2*54 + 1 // offsets: the leg, its record 0, and which leg the record shown is of
	none := &Certificate{Member: &Membership{Device: pub(keyOf("ann's phone")), Legs: legs[:1:1], Record: p}, Sig: Signature{1}}
	card := smallCard()
	return []refusal{
		cert(x,
			set("kind 0", 0, 0), set("kind 4", 0, 4), set("kind 2 of a member", 0, 2), edit{"no legs", 33, shown - 33, []byte{0}}, set("fewer legs than it says", 33, 2),
			set("33 legs that are not there", 33, 33), set("leg of size 2⁴⁸", leg+40, high...), set("record of type 0", begin, 0), set("record of type 6", begin, 6),
			set("sequence 2⁴⁸", begin+1, high...), set("a body that is not there", begin+15, 255, 255), set("fewer hashes than it says", begin+21, 64),
			edit{"65 hashes", begin + 21, 33, append([]byte{65}, bytes.Repeat(other, 65)...)}, set("presence 2 of a handover", begin+54, 2), set("leg 1 of one", shown, 1)),
		cert(none, set("presence 2 of a handover", begin+54, 2)),
		cert(&Certificate{Invited: &Join{ProveInvite(sampleTopic, card.Card, keyOf("invite")), card}, Sig: Signature{1}}, badCard(97)...),
		cert(&Certificate{Added: &DeviceAsk{smallDevice()}, Sig: Signature{1}}, badDevice(1)...),
	}
}
