// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// FuzzParseBoxProof: a text is one proof, written in one way, or none.
func FuzzParseBoxProof(f *testing.F) {
	p := &BoxProof{digest.Hash{1}, 7, roster.Key{2}, identity.Secret{3}}
	good := p.Encode()
	for _, text := range [][]byte{good, nil, good[:len(good)-1], append(bytes.Clone(good), '\n'), bytes.ToUpper(good), bytes.ReplaceAll(good, []byte("7"), []byte("-7")), bytes.Repeat(good, 40)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseBoxProof(text)
		if err != nil && !errors.Is(err, ErrBoxProof) {
			t.Fatalf("another error: %v", err)
		}
		if err == nil && !bytes.Equal(p.Encode(), text) {
			t.Fatalf("%q is taken for %q", text, p.Encode())
		}
		if bytes.Equal(text, good) && err != nil {
			t.Fatal(err)
		}
	})
}
