// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// FuzzFormat: a FORMAT that is taken is one that a store can be opened with, and
// any other is ErrFormat.
func FuzzFormat(f *testing.F) {
	f.Add(fmt.Appendf(nil, formatLine, formatVersion, 16384, 1024))
	f.Add(fmt.Appendf(nil, formatLine, formatVersion, 5000, -1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFormat(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if got.version != formatVersion || segwriter.ValidPageBytes(got.pageBytes) != nil || got.segmentPages < 2 {
			t.Fatalf("%q is taken as %+v", b, got)
		}
	})
}

// FuzzTopicRow: a row that is taken is that of its key, and any other is damage.
func FuzzTopicRow(f *testing.F) {
	key := identity.TopicKey{1, 2, 3}
	id := key.ID()
	f.Add(id[:], append(append(key[:], make([]byte, 32)...), "name"...))
	f.Add(id[:], make([]byte, topicRowBytes))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, id, row []byte) {
		topic, err := decodeTopic(id, row)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if want := topic.Key.ID(); string(want[:]) != string(id) || len(topic.Name) != len(row)-topicRowBytes {
			t.Fatalf("row %x is taken as topic %s", row, topic.ID)
		}
	})
}
