// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A refusal is a body that decodes, and what about it, one thing at a time, makes
// bytes that do not.
type refusal struct {
	kind, typ string // kind is roster, data, box or certificate: which decoder
	good      []byte
	bad       []edit
}

// An edit puts bytes in the place of cut bytes at an offset.
type edit struct {
	what    string
	at, cut int
	put     []byte
}

func (e edit) of(good []byte) []byte {
	return slices.Concat(good[:e.at], e.put, good[e.at+e.cut:])
}

// set writes a field of the same width.
func set(what string, at int, put ...byte) edit { return edit{what, at, len(put), put} }

// decodeKind runs the decoder of a kind and writes what it took.
func decodeKind(kind, typ string, b []byte) ([]byte, error) {
	var x body
	var err error
	switch kind {
	case "roster":
		x, err = Decode(typ, b)
	case "data":
		x, err = DecodeAsk(typ, b)
	case "box":
		x, err = DecodeBox(b)
	case "certificate":
		x, err = DecodeCertificate(b)
	default:
		err = errors.New("no such kind")
	}
	if err != nil {
		return nil, err
	}
	return encode(nil, x)
}

// ends are the edits that every body refuses: nothing, a byte less, a byte more.
func (r *refusal) ends() {
	n := len(r.good)
	if n > 0 {
		r.bad = append(r.bad, edit{"nothing", 0, n, nil}, edit{"a byte less", n - 1, 1, nil})
	}
	r.bad = append(r.bad, edit{"a byte more", n, 0, []byte{0}})
}

// TestVectorsRefused: each body that is to be refused is, and what it differs from
// by one edit is not; strange ones that are to be taken are taken.
func TestVectorsRefused(t *testing.T) {
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	type in struct{ Kind, Type, What, Body string }
	var v struct {
		Edges        []in
		StrangeTypes []string `json:"strange_types"`
		Refused      []struct {
			Kind, Type, Good string
			Bad              []struct {
				What, Put string
				At, Cut   int
			}
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	taken := func(x in) []byte {
		body, _ := hex.DecodeString(x.Body)
		if again, err := decodeKind(x.Kind, x.Type, body); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%s %s: %s: %v", x.Kind, x.Type, x.What, err)
		}
		return body
	}
	for _, x := range v.Edges {
		taken(x)
	}
	for _, typ := range v.StrangeTypes {
		if _, err := Decode(typ, nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("type %q: %v", typ, err)
		}
	}
	refused, types := 0, map[string]bool{}
	for _, r := range v.Refused {
		types[r.Kind+" "+r.Type] = true
		good := taken(in{r.Kind, r.Type, "good", r.Good})
		for _, e := range r.Bad {
			put, _ := hex.DecodeString(e.Put)
			refused++
			if _, err := decodeKind(r.Kind, r.Type, edit{e.What, e.At, e.Cut, put}.of(good)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s %s: %s: %v", r.Kind, r.Type, e.What, err)
			}
		}
	}
	for _, r := range sampleRecords() {
		if r.Type() != "xf/genesis" && !types["roster "+r.Type()] { // identity.json has those of genesis
			t.Errorf("no refused body of %s", r.Type())
		}
	}
	for _, a := range sampleAsks() {
		if !types["data "+a.Type()] {
			t.Errorf("no refused body of an ask %s", a.Type())
		}
	}
	if refused < 400 || len(v.Edges) < 13 || len(v.StrangeTypes) < 5 {
		t.Errorf("%d refused bodies, %d edges, %d types", refused, len(v.Edges), len(v.StrangeTypes))
	}
}

// strangeTypes are types that no record of a roster has.
var strangeTypes = []string{"", "xf/", "xf/Admit", "xf/admit ", "xf/ask", "xf/join", "xf/leave", BoxType, "note", "constructor"}

func refusedVectors() (all []any) {
	for _, r := range slices.Concat(refusedLegs(), refusedMembers(), refusedChanges(), refusedOthers(), refusedAsks(), refusedCertificates()) {
		r.ends()
		var bad []any
		for _, e := range r.bad {
			bad = append(bad, obj("what", e.what, "at", e.at, "cut", e.cut, "put", e.put))
		}
		all = append(all, append(obj("kind", r.kind, "type", r.typ, "good", r.good), raw("bad", bad)...))
	}
	return all
}

// edgeVectors are bodies that look wrong and are taken: what makes their records
// void, or nothing at all, is asked later.
func edgeVectors() (all []any) {
	add := func(kind, typ, what string, x body) {
		all = append(all, obj("kind", kind, "type", typ, "what", what, "body", mustEncode(x)))
	}
	roster := func(what string, r Record) { add("roster", r.Type(), what, r) }
	fork := *sampleFork()
	fork.Old, fork.New = Head{Size: 0, Root: digest.Sum([]byte("x"))}, Head{Size: 5, Root: digest.Empty}
	roster("heads of a fork with any root at any size", &CutLog{Cut: samplePrefix("log", 0), Fork: &fork})
	roster("a cut of log 0", &CutLog{Cut: Prefix{Size: 1, Root: digest.Sum([]byte("x"))}})
	view := smallView()
	view.View, view.At.Root, view.Logs, view.Blob = "\xff\x00", digest.Empty, nil, nil
	roster("a name that is no text, a position with the root of the empty tree", &Snapshot{State: view})
	roster("a name of 63 bytes, no calls", &Grant{Right: Right{What: string(bytes.Repeat([]byte("n"), 63))}})
	roster("most boxes, the largest number of an epoch", &Epoch{Number: 1<<64 - 1, Boxes: Boxes{First: MaxSize, Count: MaxReaders}})
	roster("keys of zeros, pages of no size, the largest number of a log, signed by nobody", &Admit{Role: Replica, Card: SignedCard{Card: Card{Number: 1<<64 - 1}}})
	roster("a device with one key of two", &Admit{Role: Admin, Card: SignedCard{Card: Card{KEM: kemOf("ann")}}})
	roster("a device of no account, which ends its log at 0", &AddDevice{Device: SignedDevice{Card: DeviceCard{Ends: &End{0, digest.Empty}}}})
	roster("the last expiry, boxes in a log of zeros", &MakeInvite{Invite: Invite{Role: Replica, Uses: 1<<16 - 1, Expiry: 1<<48 - 1}, Boxes: &Boxes{Count: 1}})
	roster("a range to the end", &Erase{Ranges: []LogRange{{Range: Range{0, 1}}, {Range: Range{2, MaxSize - 2}}}})
	roster("a term of nothing, by a successor that may not exist", &Begin{Term: &Term{Last: Prefix{Root: digest.Empty}, Term: 1<<32 - 1, By: BySuccessors, Signed: []TermSignature{{Index: 255}}}})
	roster("an ask at the last sequence", &Handover{Ask: AskRef{sampleAsk.Log, MaxSize}})
	add("data", "xf/ask", "a handover", &Request{At: Point{Position{1<<32 - 1, 1<<32 - 1, MaxSize}, digest.Empty}, What: AskHandover})
	return all
}

// TestRefusedEdits: an edit is within the body that it is of and changes it, and no
// two of a body are alike.
func TestRefusedEdits(t *testing.T) {
	for _, r := range slices.Concat(refusedLegs(), refusedMembers(), refusedChanges(), refusedOthers(), refusedAsks(), refusedCertificates()) {
		var all [][]byte
		r.ends()
		for _, e := range r.bad {
			b := e.of(r.good)
			if bytes.Equal(b, r.good) || slices.ContainsFunc(all, func(a []byte) bool { return bytes.Equal(a, b) }) {
				t.Errorf("%s %s: %s: as another, or as the good one", r.kind, r.typ, e.what)
			}
			all = append(all, b)
		}
	}
}
