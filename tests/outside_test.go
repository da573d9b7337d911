// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestOutsideToolsVerify takes a checkpoint and proofs that the binary printed
// and verifies them with x/mod/sumdb alone, as somebody would who has never
// heard of us: the note's signature, the RFC 6962 inclusion, and by the leaf
// data of `cat --json` the root itself.
func TestOutsideToolsVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	storetest.Command(t, nil, "init", "--open", "--dir", dir)
	for _, n := range []int{1, 2, 60, 800} { // one event, a few, and more than a page
		storetest.Command(t, lineStream(0, n), "append", "--dir", dir)
		vkey := strings.TrimSpace(string(storetest.Command(t, nil, "vkey", "--dir", dir)))
		tree := openCheckpoint(t, storetest.Command(t, nil, "head", "--note", "--dir", dir), vkey)
		if root := rootOfLeaves(t, storetest.Command(t, nil, "cat", "--json", "--dir", dir)); root != tree.Hash {
			t.Errorf("%d events: the leaves give root %v, signed is %v", tree.N, root, tree.Hash)
		}
		for _, seq := range []int64{0, tree.N / 2, tree.N - 1} {
			file := storetest.Command(t, nil, "prove", "--dir", dir, strconv.FormatInt(seq, 10))
			checkProof(t, file, vkey, tree, seq)
		}
	}
}

// openCheckpoint verifies a signed note and returns the tree head in it.
func openCheckpoint(t *testing.T, text []byte, vkey string) (tree tlog.Tree) {
	t.Helper()
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatalf("vkey %q: %v", vkey, err)
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines := strings.Split(n.Text, "\n") // origin, size, root, ""
	if len(lines) != 4 || lines[0] != verifier.Name() {
		t.Fatalf("checkpoint of %d lines:\n%s", len(lines), n.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		t.Fatal(err)
	}
	tree.Hash = parseHash(t, lines[2])
	return tree
}

func parseHash(t *testing.T, line string) (h tlog.Hash) {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil || copy(h[:], b) != len(h) {
		t.Fatalf("hash %q: %v", line, err)
	}
	return h
}

// checkProof reads a C2SP tlog-proof file by its specification.
func checkProof(t *testing.T, file []byte, vkey string, tree tlog.Tree, seq int64) {
	t.Helper()
	top, checkpoint, ok := bytes.Cut(file, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	if !ok || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[2] != fmt.Sprint("index ", seq) {
		t.Fatalf("proof file:\n%s", file)
	}
	if got := openCheckpoint(t, checkpoint, vkey); got != tree {
		t.Fatalf("the proof is under %v, the head is %v", got, tree)
	}
	encoded, ok := strings.CutPrefix(lines[1], "extra ")
	leaf, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		t.Fatalf("extra %q: %v", lines[1], err)
	}
	var p tlog.RecordProof
	for _, line := range lines[3:] {
		p = append(p, parseHash(t, line))
	}
	if err := tlog.CheckRecord(p, tree.N, tree.Hash, seq, tlog.RecordHash(leaf)); err != nil {
		t.Errorf("event %d of %d: %v", seq, tree.N, err)
	}
	leaf[len(leaf)-1] ^= 1
	if tlog.CheckRecord(p, tree.N, tree.Hash, seq, tlog.RecordHash(leaf)) == nil {
		t.Errorf("event %d of %d: a forged leaf verifies", seq, tree.N)
	}
}

// rootOfLeaves builds the tree with tlog from what `cat --json` prints, and
// checks that each leaf speaks of its payload.
func rootOfLeaves(t *testing.T, lines []byte) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	n := int64(0)
	for dec := json.NewDecoder(bytes.NewReader(lines)); dec.More(); n++ {
		var e struct{ Leaf, Payload []byte }
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(e.Payload); !bytes.Equal(e.Leaf[16:48], sum[:]) {
			t.Fatalf("event %d: its leaf data is not of its payload", n)
		}
		hashes, err := tlog.StoredHashes(n, e.Leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(n, reader)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
