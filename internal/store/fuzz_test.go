// SPDX-License-Identifier: MPL-2.0

package store

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
	f.Add(encodeFormat(format{pageBytes: 16384, segmentPages: 1024, generation: identity.Generation{1}, place: place}))
	f.Add([]byte("xaeroflux store 1 page 16384 segment 1024\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFormat(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if string(encodeFormat(got)) != string(b) || segwriter.ValidPageBytes(got.pageBytes) != nil || got.segmentPages < 2 {
			t.Fatalf("%q is taken as %+v", b, got)
		}
	})
}

// FuzzTopicRow: a row that is taken is that of its key, and any other is damage.
func FuzzTopicRow(f *testing.F) {
	topic := testTopic(3)
	id := topic.ID()
	f.Add(id[:], encodeTopic(&Topic{ID: id, Genesis: topic.Genesis, Keys: topic.Keys, Name: "name"}))
	f.Add(id[:], make([]byte, topicRowFixed))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, id, row []byte) {
		topic, err := decodeTopic(id, row)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if want := topic.Genesis.ID(); string(want[:]) != string(id) || string(encodeTopic(topic)) != string(row) {
			t.Fatalf("row %x is taken as topic %s", row, topic.ID)
		}
	})
}
