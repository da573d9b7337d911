// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// TestBranch: a branch's file is what its first line says, to the last byte.
func TestBranch(t *testing.T) {
	var records []byte
	var r merkleindex.CompactRange
	for i := range 5 {
		from := len(records)
		var err error
		if records, err = event.AppendRecord(records, event.Event{Type: "t", Payload: []byte{byte(i)}}, int64(i), 0); err != nil {
			t.Fatal(err)
		}
		rec, _, err := event.DecodeRecord(records[from:])
		if err == nil {
			err = r.Append(rec.LeafHash(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	log, root := digest.Sum([]byte("log")), merkleindex.Bag(r.Hashes)
	file := append(BranchHeader(log, 5, root), records...)
	x, err := ParseBranch(file)
	if err != nil || x.Log != log || x.Size != 5 || x.Root != root || !bytes.Equal(x.Records, records) {
		t.Errorf("%+v, %v", x, err)
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 4
		if x, err := ParseBranch(bad); err == nil && x.Log == log {
			t.Errorf("byte %d is another one, and it parses", i)
		}
		if _, err := ParseBranch(file[:i]); err == nil {
			t.Errorf("%d bytes of it parse", i)
		}
	}
}
