// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// FuzzFormat: a FORMAT that is taken is one that a store can be opened with, and
// any other is ErrFormat.
func FuzzFormat(f *testing.F) {
	place := identity.PlaceOf("somewhere", durable.Whereabouts{})
	f.Add(Format{PageBytes: 16384, SegmentPages: 1024, Generation: identity.Generation{1}, Place: place}.Encode(identity.Seed{1}.StoreKey()))
	f.Add(Format{PageBytes: 16384, SegmentPages: 1024, Place: place}.encode(formatClear, identity.Generation{1}.Encode()))
	f.Add([]byte("xaeroflux store 1 page 16384 segment 1024\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseFormat(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		version, generation := formatVersion, got.sealed
		if got.Clear {
			version, generation = formatClear, got.Generation.Encode()
		}
		if string(got.encode(version, generation)) != string(b) || segwriter.ValidPageBytes(got.PageBytes) != nil || got.SegmentPages < 2 {
			t.Fatalf("%q is taken as %+v", b, got)
		}
	})
}
