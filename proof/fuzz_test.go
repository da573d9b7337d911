// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux/identity"
)

// FuzzParseVKey: a verifier key that is taken is written as it was read, is no
// key of small order, and is one for the Go checksum database's tools too.
func FuzzParseVKey(f *testing.F) {
	seed := identity.Seed{1}
	key := identity.PeerID(seed.PeerID(identity.Generation{}))
	f.Add(VKey(key[:], [32]byte{2}))
	f.Add("xaeroflux/00+00000000+AQ==")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		author, log, err := ParseVKey(text)
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Fatal(err)
			}
			return
		}
		if VKey(author, log) != text || identity.SmallOrder([32]byte(author)) {
			t.Fatalf("%q is taken for %x and %s", text, author, log)
		}
		if _, err := note.NewVerifier(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
