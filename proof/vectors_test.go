// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../tests/testdata/vectors/proof.json")

const vectorFile = "../tests/testdata/vectors/proof.json"

// vectors are what another implementation tests itself with. A seed is SHA-256
// of a name. Event s of a tree has the leaf data s, big-endian in eight bytes,
// if nothing else is said.
type vectors struct {
	Note         string              `json:"note"`
	Heads        []headVector        `json:"heads"`
	Cosignatures []cosignatureVector `json:"cosignatures"`
	Files        []fileVector        `json:"files"`
	Consistency  []consistencyVector `json:"consistency"`
	Forks        []forkVector        `json:"forks"`
	Refused      []refusedVector     `json:"refused"`
}

type headVector struct {
	Seed       digest.Hash `json:"seed"` // of the author
	Author     digest.Hash `json:"author"`
	Log        digest.Hash `json:"log"`
	Size       uint64      `json:"size"`
	Root       digest.Hash `json:"root"`
	Signature  string      `json:"signature"`
	VKey       string      `json:"vkey"`
	Checkpoint string      `json:"checkpoint"`
}

type cosignatureVector struct {
	Head       int         `json:"head"` // which of heads
	Seed       digest.Hash `json:"seed"` // of the witness
	Witness    digest.Hash `json:"witness"`
	Time       uint64      `json:"time"`
	Signature  string      `json:"signature"`
	VKey       string      `json:"vkey"`
	Checkpoint string      `json:"checkpoint"` // of the head, cosigned
}

// A fileVector is a proof of an event, which has a leaf of its own.
type fileVector struct {
	Seed  digest.Hash `json:"seed"`
	Log   digest.Hash `json:"log"`
	Size  int         `json:"size"`
	Index int         `json:"index"`
	Leaf  string      `json:"leaf"`
	VKey  string      `json:"vkey"`
	Text  string      `json:"text"`
}

type consistencyVector struct {
	Old     int           `json:"old"`
	Size    int           `json:"size"`
	OldRoot digest.Hash   `json:"old_root"`
	Root    digest.Hash   `json:"root"`
	Hashes  []digest.Hash `json:"hashes"`
}

// A forkVector is the fork of testFork: in the older tree, the hash of each leaf
// i from the smaller of 3 and old-1 on is SHA-256 of "lie i".
type forkVector struct {
	Seed      digest.Hash `json:"seed"`
	Topic     digest.Hash `json:"topic"`
	PageBytes uint32      `json:"page_bytes"`
	Kind      uint8       `json:"kind"`
	Number    uint64      `json:"number"`
	Old       int         `json:"old"`
	Size      int         `json:"size"`
	Text      string      `json:"text"`
}

type refusedVector struct {
	What   string `json:"what"`
	Kind   string `json:"kind"` // checkpoint, file, fork, vkey or witness
	VKey   string `json:"vkey"` // of checkpoint and file
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	v := vectors{Note: "a seed is SHA-256 of a name; event s of a tree has the leaf data s, big-endian in eight bytes, if nothing else is said"}
	v.makeHeads()
	for _, at := range [][2]int{{0, 1}, {0, 2}, {5, 11}, {10, 11}, {8, 16}, {16, 17}} {
		v.makeFile(t, at[0], at[1])
	}
	for _, s := range [][2]int{{0, 0}, {0, 3}, {1, 1}, {1, 2}, {3, 7}, {4, 7}, {6, 8}, {8, 8}, {8, 9}, {11, 20}} {
		tr := newTree(s[1])
		hashes := append([]digest.Hash{}, tr.consistency(s[0], 0, s[1], true)...)
		v.Consistency = append(v.Consistency, consistencyVector{s[0], s[1], tr.root(0, s[0]), tr.root(0, s[1]), hashes})
	}
	for _, s := range [][2]int{{1, 1}, {6, 6}, {1, 2}, {5, 11}, {8, 9}} {
		f := testFork(s[0], s[1])
		v.Forks = append(v.Forks, forkVector{digest.Sum([]byte("author")), f.Topic, f.PageBytes, uint8(f.Kind), f.Number, s[0], s[1], string(f.Encode())})
	}
	v.Refused = append(append(refusedCheckpoints(), refusedFiles(t)...), append(refusedForks(), refusedKeys()...)...)
	return v
}

func (v *vectors) makeHeads() {
	for _, x := range []struct {
		author, log string
		size        uint64
	}{{"author", "a log", 20852163}, {"author", "a log", 0}, {"stranger", "another log", 1}, {"author", "a log", 1 << 48}} {
		key, author := testKey(x.author)
		log, root := digest.Sum([]byte(x.log)), digest.Sum([]byte("a root"))
		if x.size == 0 {
			root = digest.Empty
		}
		h := Sign(key, log, x.size, root)
		v.Heads = append(v.Heads, headVector{
			digest.Sum([]byte(x.author)), digest.Hash(author), log, x.size, root, hex.EncodeToString(h.Sig[:]), VKey(author, log), string(h.Checkpoint(author)),
		})
	}
	h, author := testHead()
	for i, name := range []string{"witness", "second witness"} {
		key, w := testWitness(name)
		c := Cosign(key, h, uint64(i)*1700000000)
		v.Cosignatures = append(v.Cosignatures, cosignatureVector{
			0, digest.Sum([]byte(name)), digest.Hash(w.Key()), c.Time, hex.EncodeToString(c.Sig[:]), w.String(), string(h.Cosigned(author, []Cosignature{c})),
		})
	}
}

func (v *vectors) makeFile(t *testing.T, index, size int) {
	t.Helper()
	e := event.Event{Type: "note", Key: []byte("todo/7"), Payload: []byte("buy milk"), Refs: []event.Ref{{Log: [8]byte{1, 2}, Size: uint64(size)}}}
	record, err := event.AppendRecord(nil, e, 1760000000000, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := event.DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	tr := newTree(size)
	tr.leaves[index] = r.LeafHash()
	key, author := testKey("author")
	leaf := r.AppendLeaf(nil)
	f := File{leaf, uint64(index), tr.inclusion(index, 0, size), Sign(key, testLog, uint64(size), tr.root(0, size)).Checkpoint(author)}
	v.Files = append(v.Files, fileVector{
		digest.Sum([]byte("author")), testLog, size, index, hex.EncodeToString(leaf), VKey(author, testLog), string(f.Encode()),
	})
}

func refusedCheckpoints() (all []refusedVector) {
	h, author := testHead()
	text, whole, vkey := string(h.appendText(nil)), string(h.Checkpoint(author)), VKey(author, testLog)
	_, stranger := testKey("stranger")
	add := func(what, text, reason string) {
		all = append(all, refusedVector{what, "checkpoint", vkey, text, reason})
	}
	add("nothing", "", "head")
	add("no signature", text, "head")
	add("cut", whole[:len(whole)-1], "head")
	add("carriage returns", strings.ReplaceAll(whole, "\n", "\r\n"), "head")
	add("a line feed too many", whole+"\n", "head")
	add("another size", strings.Replace(whole, "20852163", "20852164", 1), "signature")
	add("a signature of another", string(h.Checkpoint(stranger)), "signature")
	for _, x := range [][3]string{
		{"size with a zero", "\n20852163\n", "\n020852163\n"}, {"size with a sign", "\n20852163\n", "\n+20852163\n"}, {"no size", "\n20852163\n", "\n\n"},
		{"size of 2^64", "\n20852163\n", "\n18446744073709551616\n"}, {"size above 2^62", "\n20852163\n", "\n4611686018427387905\n"},
		{"root of size 0", "\n20852163\n", "\n0\n"}, {"another origin", "xaeroflux", "example.com"},
		{"upper case", testLog.String(), strings.ToUpper(testLog.String())}, {"of another log", testLog.String(), digest.Empty.String()},
	} {
		add(x[0], string(signText(strings.Replace(text, x[1], x[2], 1))), "head")
	}
	add("a line more", string(signText(text+"more\n")), "head")
	add("loose last bits", string(signText(text[:len(text)-3]+"/=\n")), "head")
	return all
}

func refusedFiles(t *testing.T) (all []refusedVector) {
	t.Helper()
	f, vkey := testFile(t)
	text := string(f.Encode())
	extra := base64.StdEncoding.EncodeToString(f.Extra)
	for _, x := range [][4]string{
		{"of version 2", "proof@v1", "proof@v2", "file"}, {"no index", "index 5\n", "", "file"}, {"index with a zero", "index 5\n", "index 05\n", "file"},
		{"index with a sign", "index 5\n", "index +5\n", "file"}, {"extra twice", "index 5\n", "extra AAAA\nindex 5\n", "file"}, {"empty extra", extra, "", "file"},
		{"extra with loose bits", extra, "AB==", "file"}, {"hash of 3 bytes", "index 5\n", "index 5\nAAAA\n", "file"}, {"carriage returns", "\n", "\r\n", "file"},
		{"no checkpoint", "\n\n", "\n", "file"}, {"another index", "index 5\n", "index 4\n", "proof"}, {"index beyond the size", "index 5\n", "index 11\n", "proof"},
		{"a hash more", "index 5\n", "index 5\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n", "proof"},
		{"another leaf", extra, "AAAA" + extra[4:], "proof"}, {"another size", "\n11\n", "\n12\n", "signature"},
	} {
		all = append(all, refusedVector{x[0], "file", vkey, strings.ReplaceAll(text, x[1], x[2]), x[3]})
	}
	signNoEvent(&f)
	return append(all, refusedVector{"a leaf that is none", "file", vkey, string(f.Encode()), "leaf"})
}

func refusedForks() (all []refusedVector) {
	text := string(testFork(5, 11).Encode())
	for _, x := range [][3]string{
		{"of version 1", "fork v2", "fork v1"}, {"a log of another kind", "log 0 0", "log 3 0"}, {"a log without a number", "log 0 0", "log 0"},
		{"a number with a zero", "log 0 0", "log 0 00"}, {"page with a zero", "page 4096", "page 04096"}, {"page of 2^32 bytes", "page 4096", "page 4294967296"},
		{"no topic", "topic ", "Topic "}, {"a third signature", "\n\nxaeroflux/", "\n— x abcd\n\nxaeroflux/"}, {"carriage returns", "\npage", "\r\npage"},
	} {
		all = append(all, refusedVector{x[0], "fork", "", strings.Replace(text, x[1], x[2], 1), "fork file"})
	}
	all = append(all, refusedVector{"a line feed too many", "fork", "", text + "\n", "fork file"})
	key, _ := testKey("author")
	for _, x := range []struct {
		what, reason string
		spoil        func(*Fork)
	}{
		{"signature", "signature", func(f *Fork) { f.Old.Sig[3] ^= 1 }},
		{"another topic", "head", func(f *Fork) { f.Topic[0] ^= 1 }},
		{"another page size", "head", func(f *Fork) { f.PageBytes = 8192 }},
		{"another kind", "head", func(f *Fork) { f.Kind = identity.KindBoxes }},
		{"another number", "head", func(f *Fork) { f.Number = 1 }},
		{"an honest head", "fork", func(f *Fork) { f.Old = Sign(key, f.Old.Log, f.Old.Size, f.Root) }},
		{"a head of nothing", "fork", func(f *Fork) { f.Old, f.Root, f.Hashes = Sign(key, f.Old.Log, 0, digest.Empty), digest.Empty, nil }},
		{"a root that it has not", "proof", func(f *Fork) { f.Root[0] ^= 1 }},
		{"a hash missing", "proof", func(f *Fork) { f.Hashes = f.Hashes[1:] }},
		{"heads the wrong way round", "proof", func(f *Fork) { f.Old, f.New = f.New, f.Old }},
	} {
		f := testFork(5, 11)
		x.spoil(&f)
		all = append(all, refusedVector{x.what, "fork", "", string(f.Encode()), x.reason})
	}
	f := testFork(6, 6)
	f.Old, f.New, f.Root = f.New, f.Old, f.Old.Root
	return append(all, refusedVector{"one size, the larger root first", "fork", "", string(f.Encode()), "fork"})
}

func refusedKeys() (all []refusedVector) {
	_, author := testKey("author")
	_, w := testWitness("witness")
	for _, k := range [][2]string{{"vkey", VKey(author, testLog)}, {"witness", w.String()}} {
		kind, text := k[0], k[1]
		parts := strings.SplitN(text, "+", 3)
		for _, x := range [][2]string{
			{"name alone", parts[0]}, {"another name", "example.com+" + parts[1] + "+" + parts[2]}, {"another id", parts[0] + "+00000000+" + parts[2]},
			{"id in upper case", parts[0] + "+" + strings.ToUpper(parts[1]) + "+" + parts[2]}, {"three bytes too many", text + "AAAA"},
		} {
			all = append(all, refusedVector{x[0], kind, "", x[1], "key"})
		}
	}
	small := digest.Hash{1}
	all = append(all, refusedVector{"small order", "vkey", "", VKey(small[:], testLog), "key"})
	return append(all, refusedVector{"small order", "witness", "", Witness{witnessName(small), small}.String(), "key"})
}

func TestVectors(t *testing.T) {
	made := makeVectors(t)
	if *update {
		raw, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	got, err1 := json.Marshal(made)
	want, err2 := json.Marshal(v)
	if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Error("the vectors are others")
	}
	for _, x := range v.Refused {
		if got := x.refusal(); got != x.Reason {
			t.Errorf("%s, %s: refused for %q, want %q", x.Kind, x.What, got, x.Reason)
		}
	}
}

// refusal returns the reason for which x is refused, or "".
func (x *refusedVector) refusal() string {
	for _, r := range []struct {
		err    error
		reason string
	}{
		{ErrForkFile, "fork file"}, {ErrFile, "file"}, {ErrKey, "key"}, {ErrSignature, "signature"}, {ErrHead, "head"}, {ErrProof, "proof"},
		{ErrFork, "fork"}, {event.ErrLeaf, "leaf"},
	} {
		if errors.Is(x.err(), r.err) {
			return r.reason
		}
	}
	return ""
}

func (x *refusedVector) err() (err error) {
	switch x.Kind {
	case "checkpoint":
		_, err = ParseCheckpoint([]byte(x.Text), x.VKey)
	case "file":
		f, err := ParseFile([]byte(x.Text))
		if err == nil {
			_, _, err = f.Verify(x.VKey)
		}
		return err
	case "fork":
		f, err := ParseFork([]byte(x.Text))
		if err == nil {
			err = f.Verify()
		}
		return err
	case "vkey":
		_, _, err = ParseVKey(x.Text)
	case "witness":
		_, err = ParseWitness(x.Text)
	}
	return err
}
