// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

func keyOf(t *testing.T, seed string) *identity.StoreKey {
	t.Helper()
	var s identity.Seed
	if n, err := hex.Decode(s[:], []byte(seed)); err != nil || n != len(s) {
		t.Fatalf("%q is no seed", seed)
	}
	return s.StoreKey()
}

// A FORMAT that is written is read again, and opens with the key of its store only.
func TestFormatIsSealed(t *testing.T) {
	f := Format{PageBytes: 16384, SegmentPages: 1024, Generation: identity.Generation{1}, Place: identity.PlaceOf("here", durable.Whereabouts{})}
	key, other := identity.Seed{1}.StoreKey(), identity.Seed{2}.StoreKey()
	text := f.Encode(key)
	if bytes.Contains(text, []byte(f.Generation.Encode())) {
		t.Errorf("the generation can be read in %q", text)
	}
	got, err := ParseFormat(text)
	if err != nil || got.Generation != (identity.Generation{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := got.Open(other); !errors.Is(err, identity.ErrSealed) {
		t.Errorf("under another key: %v", err)
	}
	if err := got.Open(key); err != nil || got != f {
		t.Errorf("%+v, want %+v, %v", got, f, err)
	}
}

// TestFormatVectors holds FORMAT against the texts that another program made.
func TestFormatVectors(t *testing.T) {
	b, err := os.ReadFile("../../tests/testdata/vectors/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Formats []struct {
			PageBytes    int `json:"page_bytes"`
			SegmentPages int `json:"segment_pages"`
			Generation   string
			Seed         string // that seals the generation; "" in version 2
			Place, Text  string
		}
		Refused []struct{ What, Kind, Text, Reason string }
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Formats) == 0 {
		t.Fatalf("%d texts, %v", len(v.Formats), err)
	}
	for _, x := range v.Formats {
		want := Format{PageBytes: x.PageBytes, SegmentPages: x.SegmentPages, Clear: x.Seed == ""}
		var errs [2]error
		want.Generation, errs[0] = identity.ParseGeneration(x.Generation)
		want.Place, errs[1] = identity.ParsePlace(x.Place)
		got, err := ParseFormat([]byte(x.Text))
		if err == nil && x.Seed != "" {
			err = got.Open(keyOf(t, x.Seed))
		}
		if err = errors.Join(err, errs[0], errs[1]); err != nil || got != want {
			t.Errorf("%q: %+v, want %+v, %v", x.Text, got, want, err)
		}
	}
	refused := 0
	for _, x := range v.Refused {
		if x.Kind != "format" {
			continue
		}
		refused++
		if _, err := ParseFormat([]byte(x.Text)); !errors.Is(err, ErrFormat) || errors.Is(err, ErrNewer) != (x.Reason == "version") {
			t.Errorf("%s: %v, want it refused for its %s", x.What, err, x.Reason)
		}
	}
	if refused < 15 {
		t.Errorf("%d texts are refused", refused)
	}
}
