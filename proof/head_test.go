// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// testKey returns a fixed author key.
func testKey(name string) (ed25519.PrivateKey, ed25519.PublicKey) {
	seed := digest.Sum([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	return key, key.Public().(ed25519.PublicKey)
}

var testLog = digest.Sum([]byte("a log"))

func testHead() (Head, ed25519.PublicKey) {
	key, author := testKey("author")
	return Sign(key, testLog, 20852163, digest.Sum([]byte("a root"))), author
}

func TestHeadVerify(t *testing.T) {
	h, author := testHead()
	if err := h.Verify(author); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(h.Sig) {
		bad := h
		bad.Sig[bit/8] ^= 1 << (bit % 8)
		if err := bad.Verify(author); !errors.Is(err, ErrSignature) {
			t.Fatalf("bit %d of the signature: %v", bit, err)
		}
	}
	_, stranger := testKey("stranger")
	for name, bad := range map[string]Head{
		"log":       {flipped(h.Log), h.Size, h.Root, h.Sig},
		"size":      {h.Log, h.Size + 1, h.Root, h.Sig},
		"root":      {h.Log, h.Size, flipped(h.Root), h.Sig},
		"signature": {h.Log, h.Size, h.Root, [64]byte{}},
	} {
		if err := bad.Verify(author); !errors.Is(err, ErrSignature) {
			t.Errorf("other %s: %v", name, err)
		}
	}
	if err := h.Verify(stranger); !errors.Is(err, ErrSignature) {
		t.Errorf("other author: %v", err)
	}
}

// A head that no log can have is refused though its author signed it.
func TestHeadImpossible(t *testing.T) {
	key, author := testKey("author")
	for name, h := range map[string]Head{
		"too large":           Sign(key, testLog, merkleindex.MaxSize+1, testLog),
		"largest number":      Sign(key, testLog, math.MaxUint64, testLog),
		"root of nothing":     Sign(key, testLog, 0, testLog),
		"empty root of a log": Sign(key, testLog, 1, digest.Empty),
	} {
		if err := h.Verify(author); !errors.Is(err, ErrHead) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ParseCheckpoint(h.Checkpoint(author), VKey(author, testLog)); !errors.Is(err, ErrHead) {
			t.Errorf("%s, from text: %v", name, err)
		}
	}
	for _, h := range []Head{Sign(key, testLog, 0, digest.Empty), Sign(key, testLog, merkleindex.MaxSize, testLog)} {
		if err := h.Verify(author); err != nil {
			t.Errorf("size %d: %v", h.Size, err)
		}
	}
}

// Under a key of small order a signature can be made without a private key: the
// one used here fits every text, or every few, and the test counts that it does.
func TestHeadSmallOrder(t *testing.T) {
	forged := 0
	for _, text := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", // with its sign bit
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1, written as p+1
	} {
		key, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for size := range uint64(64) {
			h := Head{Log: testLog, Size: size + 1, Root: testLog}
			h.Sig[0] = 1 // R is the neutral point, S is 0
			if ed25519.Verify(key, h.appendText(nil), h.Sig[:]) {
				forged++
			}
			if err := h.Verify(key); !errors.Is(err, ErrKey) {
				t.Fatalf("key %s: %v", text, err)
			}
		}
		if _, _, err := ParseVKey(VKey(key, testLog)); !errors.Is(err, ErrKey) {
			t.Errorf("key %s as text: %v", text, err)
		}
	}
	if forged < 64 {
		t.Errorf("only %d forgeries: the test shows nothing", forged)
	}
	h, author := testHead()
	for _, key := range []ed25519.PublicKey{nil, {}, author[:31], append(author, 0)} {
		if err := h.Verify(key); !errors.Is(err, ErrKey) {
			t.Errorf("key of %d bytes: %v", len(key), err)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	h, author := testHead()
	text := h.Checkpoint(author)
	golden, err := os.ReadFile("testdata/checkpoint.txt")
	if err != nil || !bytes.Equal(text, golden) {
		t.Errorf("checkpoint is\n%s, want\n%s, %v", text, golden, err)
	}
	got, err := ParseCheckpoint(text, VKey(author, testLog))
	if err != nil || got != h {
		t.Fatalf("parsed %+v, %v", got, err)
	}
}

// Others' packages must read our checkpoint, and sign as we do.
func TestCheckpointAgainstNote(t *testing.T) {
	h, author := testHead()
	vkey, err := note.NewEd25519VerifierKey(Origin(testLog), author)
	if err != nil || vkey != VKey(author, testLog) {
		t.Fatalf("key %s, want %s, %v", VKey(author, testLog), vkey, err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(h.Checkpoint(author), note.VerifierList(v))
	if err != nil || n.Text != string(h.appendText(nil)) {
		t.Fatalf("note %+v, %v", n, err)
	}
	key, _ := testKey("author")
	private := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, key.Seed()...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + strings.TrimSuffix(vkey, strings.SplitN(vkey, "+", 3)[2]) + private)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: string(h.appendText(nil))}, signer)
	if err != nil || !bytes.Equal(signed, h.Checkpoint(author)) {
		t.Fatalf("package note signs\n%s, %v", signed, err)
	}
	tree := "go.sum database tree\n" + strings.SplitN(n.Text, "\n", 2)[1] // tlog wants its own first line
	if got, err := tlog.ParseTree([]byte(tree)); err != nil || got.N != int64(h.Size) || got.Hash != tlog.Hash(h.Root) {
		t.Errorf("tlog reads %+v, %v", got, err)
	}
}

// Cosignatures do not matter, in whatever order they stand.
func TestCheckpointCosigned(t *testing.T) {
	h, author := testHead()
	witnessKey, vkey, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err1 := note.NewSigner(witnessKey)
	v, err2 := note.NewVerifier(VKey(author, testLog))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(h.Checkpoint(author), note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	cosigned, err := note.Sign(n, signer)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(cosigned), "\n")
	lines[4], lines[5] = lines[5], lines[4]
	for _, text := range []string{string(cosigned), strings.Join(lines, "")} {
		if got, err := ParseCheckpoint([]byte(text), VKey(author, testLog)); err != nil || got != h {
			t.Errorf("cosigned: %+v, %v\n%s", got, err, text)
		}
	}
	if _, err := ParseCheckpoint(cosigned, vkey); !errors.Is(err, ErrKey) {
		t.Errorf("with the witness's key: %v", err)
	}
}

// As many cosignatures as C2SP asks for are read, of the longest kind there is,
// but not a checkpoint without end.
func TestCheckpointLimit(t *testing.T) {
	h, author := testHead()
	line := "— witness.example " + base64.StdEncoding.EncodeToString(make([]byte, 5000)) + "\n"
	for n, want := range map[int]error{16: nil, 30: ErrHead} {
		text := string(h.Checkpoint(author))
		for i := range n {
			text += strings.Replace(line, "AAAA", base64.StdEncoding.EncodeToString([]byte{0, 0, byte(i)}), 1)
		}
		if _, err := ParseCheckpoint([]byte(text), VKey(author, testLog)); !errors.Is(err, want) {
			t.Errorf("%d cosignatures, %d bytes: %v", n, len(text), err)
		}
	}
}

// signText signs any text as the author would, to get past the signature.
func signText(text string) []byte {
	key, author := testKey("author")
	h := Head{Log: testLog}
	copy(h.Sig[:], ed25519.Sign(key, []byte(text)))
	_, sig, _ := strings.Cut(string(h.Checkpoint(author)), "\n\n")
	return []byte(text + "\n" + sig)
}

func TestParseCheckpointRefused(t *testing.T) {
	h, author := testHead()
	text := string(h.appendText(nil))
	lines := strings.Split(text, "\n")
	vkey := VKey(author, testLog)
	if got, err := ParseCheckpoint(signText(text), vkey); err != nil || got != h {
		t.Fatalf("the text itself: %v", err)
	}
	for name, bad := range map[string]string{
		"size with a zero":   strings.Replace(text, "\n20852163\n", "\n020852163\n", 1),
		"size with a sign":   strings.Replace(text, "\n20852163\n", "\n+20852163\n", 1),
		"no size":            strings.Replace(text, "\n20852163\n", "\n\n", 1),
		"size of 2^64":       strings.Replace(text, "\n20852163\n", "\n18446744073709551616\n", 1),
		"short root":         lines[0] + "\n" + lines[1] + "\nAAAA\n",
		"loose last bits":    text[:len(text)-3] + "/=\n",
		"extension":          text + "more\n",
		"two lines":          lines[0] + "\n" + lines[1] + "\n",
		"other origin":       strings.Replace(text, "xaeroflux", "example.com", 1),
		"origin of no log":   strings.Replace(text, testLog.String(), "notes", 1),
		"upper case":         strings.Replace(text, testLog.String(), strings.ToUpper(testLog.String()), 1),
		"origin of another":  strings.Replace(text, testLog.String(), digest.Empty.String(), 1),
		"nothing but a line": "\n",
	} {
		if got, err := ParseCheckpoint(signText(bad), vkey); !errors.Is(err, ErrHead) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	whole := h.Checkpoint(author)
	for name, bad := range map[string][]byte{
		"empty":             nil,
		"no signature":      []byte(text + "\n"),
		"text only":         []byte(text),
		"cut":               whole[:len(whole)-1],
		"carriage returns":  bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")),
		"trailing bytes":    append(bytes.Clone(whole), "x\n"...),
		"trailing newline":  append(bytes.Clone(whole), '\n'),
		"not UTF-8":         append(bytes.Clone(whole), 0xff, '\n'),
		"longer than limit": append(bytes.Clone(whole), make([]byte, MaxCheckpoint)...),
	} {
		if _, err := ParseCheckpoint(bad, vkey); !errors.Is(err, ErrHead) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, stranger := testKey("stranger")
	if _, err := ParseCheckpoint(whole, VKey(stranger, testLog)); !errors.Is(err, ErrSignature) {
		t.Errorf("with a stranger's key: %v", err)
	}
	if _, err := ParseCheckpoint(bytes.Replace(whole, []byte("20852163"), []byte("20852164"), 1), vkey); !errors.Is(err, ErrSignature) {
		t.Errorf("other size: %v", err)
	}
}

func TestVKeyRefused(t *testing.T) {
	_, author := testKey("author")
	vkey := VKey(author, testLog)
	if got, log, err := ParseVKey(vkey); err != nil || !got.Equal(author) || log != testLog {
		t.Fatalf("%x, %s, %v", got, log, err)
	}
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	key[0] = 4
	for name, bad := range map[string]string{
		"empty":      "",
		"name only":  parts[0],
		"other name": "example.com+" + parts[1] + "+" + parts[2],
		"other log":  Origin(digest.Empty) + "+" + parts[1] + "+" + parts[2],
		"other id":   parts[0] + "+00000000+" + parts[2],
		"upper case": parts[0] + "+" + strings.ToUpper(parts[1]) + "+" + parts[2],
		"other kind": parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(key),
		"short":      vkey[:len(vkey)-4],
		"trailing":   vkey + "\n",
		"more":       vkey + "+",
	} {
		if _, _, err := ParseVKey(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ParseCheckpoint(nil, bad); !errors.Is(err, ErrKey) {
			t.Errorf("checkpoint with %s: %v", name, err)
		}
	}
}

// A parsed head is the one that was signed: it verifies by itself and encodes to
// the same text.
func FuzzParseCheckpoint(f *testing.F) {
	h, author := testHead()
	vkey := VKey(author, testLog)
	f.Add(h.Checkpoint(author), false)
	f.Add(h.appendText(nil), true)
	f.Add([]byte(Origin(testLog)+"\n0\n"+base64.StdEncoding.EncodeToString(digest.Empty[:])+"\n"), true)
	f.Add([]byte("— "+Origin(testLog)+" AAAAAAA=\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, sign bool) {
		if sign {
			text = signText(string(text))
		}
		h, err := ParseCheckpoint(text, vkey)
		if err != nil {
			if !errors.Is(err, ErrHead) && !errors.Is(err, ErrSignature) {
				t.Fatal(err)
			}
			return
		}
		if err := h.Verify(author); err != nil || h.Log != testLog {
			t.Fatalf("parsed %+v, %v", h, err)
		}
		body, _, _ := bytes.Cut(text, []byte("\n\n"))
		if want, _, _ := bytes.Cut(h.Checkpoint(author), []byte("\n\n")); !bytes.Equal(body, want) {
			t.Fatalf("parsed %q, which encodes to %q", body, want)
		}
	})
}
