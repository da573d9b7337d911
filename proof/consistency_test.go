// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func TestConsistencyFile(t *testing.T) {
	key, author := testKey("author")
	vkey := VKey(author, testLog)
	tree := newTree(40)
	at := func(size int) Head { return Sign(key, testLog, uint64(size), tree.root(0, size)) }
	for size := range 40 {
		for old := range size + 1 {
			hashes := tree.consistency(old, 0, size, true)
			c := Consistency{Old: uint64(old), Hashes: hashes, Checkpoint: at(size).Checkpoint(author)}
			got, err := ParseConsistency(c.Encode())
			if err != nil || !bytes.Equal(got.Encode(), c.Encode()) || !IsConsistency(c.Encode()) {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
			if h, err := got.Verify(vkey, at(old)); err != nil || h != at(size) {
				t.Errorf("%d to %d: %v", old, size, err)
			}
			if old == 0 || old == size {
				continue
			}
			if _, err := got.Verify(vkey, at(old-1)); !errors.Is(err, ErrProof) {
				t.Errorf("%d to %d, of a head of %d: %v", old, size, old-1, err)
			}
			got.Hashes[0][0] ^= 1
			if _, err := got.Verify(vkey, at(old)); !errors.Is(err, ErrProof) {
				t.Errorf("%d to %d, changed: %v", old, size, err)
			}
		}
	}
}

func TestConsistencyFileIsStrict(t *testing.T) {
	key, author := testKey("author")
	text := string(Consistency{Old: 2, Hashes: []digest.Hash{{1}}, Checkpoint: Sign(key, testLog, 3, newTree(3).root(0, 3)).Checkpoint(author)}.Encode())
	for what, bad := range map[string]string{
		"nothing":       "",
		"no checkpoint": text[:strings.Index(text, "\n\n")+2],
		"a sign":        strings.Replace(text, "old 2", "old +2", 1),
		"a zero":        strings.Replace(text, "old 2", "old 02", 1),
		"no number":     strings.Replace(text, "old 2", "old", 1),
		"a short hash":  strings.Replace(text, "old 2\nA", "old 2\n", 1),
		"many hashes":   strings.Replace(text, "old 2\n", "old 2\n"+strings.Repeat("x\n", maxHashes), 1),
	} {
		if _, err := ParseConsistency([]byte(bad)); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
