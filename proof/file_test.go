// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// testFile proves event 5 of a log of 11.
func testFile(t testing.TB) (File, string) {
	t.Helper()
	tr := newTree(11)
	record, err := event.AppendRecord(nil, event.Event{Type: "note", Key: []byte("todo/7"), Payload: []byte("buy milk")}, 1760000000000, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := event.DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	tr.leaves[5] = r.LeafHash()
	hashes, err := mmrindex.Inclusion(5, 11, tr)
	if err != nil {
		t.Fatal(err)
	}
	key, author := testKey("author")
	h := Sign(key, testLog, 11, tr.root(0, 11))
	return File{Extra: r.AppendLeaf(nil), Index: 5, Hashes: hashes, Checkpoint: h.Checkpoint(author)}, VKey(author, testLog)
}

func TestFile(t *testing.T) {
	f, vkey := testFile(t)
	text := f.Encode()
	golden, err := os.ReadFile("testdata/event5.tlog-proof")
	if err != nil || !bytes.Equal(text, golden) {
		t.Errorf("proof file is\n%s, want\n%s, %v", text, golden, err)
	}
	got, err := ParseFile(text)
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Fatalf("parsed %+v, %v", got, err)
	}
	h, leaf, err := got.Verify(vkey)
	if err != nil || h.Size != 11 || h.Log != testLog {
		t.Fatalf("head %+v, %v", h, err)
	}
	if string(leaf.Type) != "note" || string(leaf.Key) != "todo/7" || leaf.PayloadHash != digest.Sum([]byte("buy milk")) {
		t.Errorf("leaf %+v", leaf)
	}
}

// The golden file is checked with nothing but the Go checksum database's
// packages and the specification.
func TestFileWithoutUs(t *testing.T) {
	text, err := os.ReadFile("testdata/event5.tlog-proof")
	if err != nil {
		t.Fatal(err)
	}
	_, vkey := testFile(t)
	above, checkpoint, _ := strings.Cut(string(text), "\n\n")
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	var size, index int64
	var root64, extra64 string
	if _, err := fmt.Sscanf(strings.SplitN(n.Text, "\n", 2)[1], "%d\n%s\n", &size, &root64); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(above, "\n")
	if _, err := fmt.Sscanf(lines[1]+" "+lines[2], "extra %s index %d", &extra64, &index); err != nil {
		t.Fatal(err)
	}
	root, err1 := tlog.ParseHash(root64)
	leaf, err2 := base64.StdEncoding.DecodeString(extra64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	var p tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		p = append(p, h)
	}
	if err := tlog.CheckRecord(p, size, root, index, tlog.RecordHash(leaf)); err != nil {
		t.Error(err)
	}
}

func TestFileVerifyRefused(t *testing.T) {
	good, vkey := testFile(t)
	for name, c := range map[string]struct {
		spoil func(*File)
		want  error
	}{
		"payload hash":   {func(f *File) { f.Extra[20] ^= 1 }, ErrProof},
		"no leaf data":   {func(f *File) { f.Extra = nil }, ErrProof},
		"sequence":       {func(f *File) { f.Index = 4 }, ErrProof},
		"past the end":   {func(f *File) { f.Index = 11 }, ErrProof},
		"hash":           {func(f *File) { f.Hashes[2][0] ^= 1 }, ErrProof},
		"missing hash":   {func(f *File) { f.Hashes = f.Hashes[1:] }, ErrProof},
		"size":           {func(f *File) { f.Checkpoint = bytes.Replace(f.Checkpoint, []byte("\n11\n"), []byte("\n12\n"), 1) }, ErrSignature},
		"no checkpoint":  {func(f *File) { f.Checkpoint = nil }, ErrHead},
		"other log's":    {func(f *File) { _, a := testKey("author"); vkey = VKey(a, digest.Empty) }, ErrSignature},
		"no key":         {func(*File) { vkey = "" }, ErrKey},
		"leaf not event": {signNoEvent, event.ErrLeaf},
	} {
		f := File{bytes.Clone(good.Extra), good.Index, slices.Clone(good.Hashes), bytes.Clone(good.Checkpoint)}
		saved := vkey
		c.spoil(&f)
		h, leaf, err := f.Verify(vkey)
		if !errors.Is(err, c.want) || h != (Head{}) || leaf.Type != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		vkey = saved
	}
}

// signNoEvent makes f a proof of a leaf that is in the log and is no event.
func signNoEvent(f *File) {
	key, author := testKey("author")
	f.Extra, f.Index, f.Hashes = []byte("hello"), 0, nil
	f.Checkpoint = Sign(key, testLog, 1, digest.Leaf(f.Extra)).Checkpoint(author)
}

func TestParseFileRefused(t *testing.T) {
	f, _ := testFile(t)
	text := string(f.Encode())
	long := f
	long.Hashes = make([]digest.Hash, maxHashes+1)
	for name, bad := range map[string]string{
		"empty":             "",
		"first line":        "c2sp.org/tlog-proof@v2" + strings.TrimPrefix(text, fileMagic),
		"no lines":          fileMagic + "\n\n" + string(f.Checkpoint),
		"no index":          strings.Replace(text, "index 5\n", "", 1),
		"index with a zero": strings.Replace(text, "index 5\n", "index 05\n", 1),
		"index with a sign": strings.Replace(text, "index 5\n", "index +5\n", 1),
		"negative index":    strings.Replace(text, "index 5\n", "index -5\n", 1),
		"two spaces":        strings.Replace(text, "index 5\n", "index  5\n", 1),
		"index of 2^64":     strings.Replace(text, "index 5\n", "index 18446744073709551616\n", 1),
		"number only":       strings.Replace(text, "index 5\n", "5\n", 1),
		"empty extra":       strings.Replace(text, "extra "+base64.StdEncoding.EncodeToString(f.Extra), "extra ", 1),
		"extra twice":       strings.Replace(text, "index 5\n", "extra AAAA\nindex 5\n", 1),
		"extra no base64":   strings.Replace(text, "extra ", "extra ?", 1),
		"extra loose bits":  strings.Replace(text, "extra "+base64.StdEncoding.EncodeToString(f.Extra), "extra AB==", 1),
		"extra and return":  strings.Replace(text, "\nindex", "\r\nindex", 1),
		"short hash":        strings.Replace(text, "index 5\n", "index 5\nAAAA\n", 1),
		"carriage returns":  strings.ReplaceAll(text, "\n", "\r\n"),
		"return in a hash":  strings.Replace(text, "=\n\n", "=\r\n\n", 1),
		"no checkpoint":     text[:strings.Index(text, "\n\n")+2],
		"no empty line":     text[:strings.Index(text, "\n\n")+1],
		"too many hashes":   string(long.Encode()),
		"longer than limit": text + strings.Repeat("x", MaxFile),
	} {
		if got, err := ParseFile([]byte(bad)); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

// A file that is parsed encodes to the same bytes, and verifying it is safe.
func FuzzParseFile(f *testing.F) {
	file, vkey := testFile(f)
	f.Add(file.Encode())
	f.Add(File{Checkpoint: []byte("x")}.Encode())
	f.Add(File{Extra: []byte{0}, Index: 1 << 63, Hashes: make([]digest.Hash, maxHashes), Checkpoint: file.Checkpoint}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseFile(b)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Fatal(err)
			}
			return
		}
		if again := got.Encode(); !bytes.Equal(again, b) {
			t.Fatalf("%q encodes to %q", b, again)
		}
		_, leaf, err := got.Verify(vkey)
		if err == nil && (string(leaf.Type) != "note" || !bytes.Equal(got.Extra, file.Extra)) {
			t.Fatalf("proved %+v", leaf)
		}
	})
}

func ExampleFile_Verify() {
	text, err := os.ReadFile("testdata/event5.tlog-proof")
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := ParseFile(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, author := testKey("author")
	head, leaf, err := f.Verify(VKey(author, testLog))
	fmt.Println(head.Size, f.Index, string(leaf.Type), string(leaf.Key), err)
	// Output: 11 5 note todo/7 <nil>
}
