// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func TestVectors(t *testing.T) {
	b, err := os.ReadFile("../tests/testdata/vectors/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Events []struct {
			Type         string
			Key, Payload hexBytes
			Time         int64 `json:"time_ms"`
			Flags        uint8
			Record       hexBytes
			Erased       hexBytes    `json:"erased_record"`
			LeafData     hexBytes    `json:"leaf_data"`
			LeafHash     digest.Hash `json:"leaf_hash"`
		}
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Events) == 0 {
		t.Fatalf("%d vectors, %v", len(v.Events), err)
	}
	for i, x := range v.Events {
		rec, err := AppendRecord(nil, Event{x.Type, x.Key, x.Payload}, x.Time, x.Flags)
		if err != nil || !bytes.Equal(rec, x.Record) {
			t.Errorf("%d: record %x, want %x (%v)", i, rec, x.Record, err)
		}
		for _, stored := range [][]byte{x.Record, x.Erased} {
			r, n, err := DecodeRecord(stored)
			if err != nil || n != len(stored) {
				t.Fatalf("%d: %d of %d bytes, %v", i, n, len(stored), err)
			}
			if got := r.AppendLeaf(nil); !bytes.Equal(got, x.LeafData) || r.LeafHash() != x.LeafHash {
				t.Errorf("%d: leaf %x %v, want %x %v", i, got, r.LeafHash(), x.LeafData, x.LeafHash)
			}
			if got := r.AppendErased(nil); !bytes.Equal(got, x.Erased) {
				t.Errorf("%d: erased %x, want %x", i, got, x.Erased)
			}
		}
	}
}
