// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type eventVector struct {
	Type         string
	Key, Payload hexBytes
	Salt, ID     hexBytes
	Refs         []struct {
		Log  hexBytes
		Size uint64
	}
	Time     int64 `json:"time_ms"`
	Flags    uint8
	Record   hexBytes
	Erased   hexBytes    `json:"erased_record"`
	LeafData hexBytes    `json:"leaf_data"`
	LeafHash digest.Hash `json:"leaf_hash"`
}

func (x *eventVector) event() Event {
	e := Event{Type: x.Type, Key: x.Key, Payload: append(bytes.Clone(x.Salt), x.Payload...)}
	copy(e.ID[:], x.ID)
	for _, r := range x.Refs {
		e.Refs = append(e.Refs, Ref{[ShortBytes]byte(r.Log), r.Size})
	}
	return e
}

type judgedVector struct {
	Name             string
	Kind             Kind
	Sealed, Erasable bool
	Own              hexBytes
	Previous         int64 `json:"previous_ms"`
	Record           hexBytes
	LeafHash         digest.Hash `json:"leaf_hash"`
	Outcome          string
	Reason           Reason
	ReasonName       string `json:"reason_name"`
}

func readVectors(t *testing.T) (events []eventVector, judged []judgedVector) {
	b, err := os.ReadFile("../tests/testdata/vectors/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Events []eventVector
		Judged []judgedVector
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Events) == 0 || len(v.Judged) == 0 {
		t.Fatalf("%d and %d vectors, %v", len(v.Events), len(v.Judged), err)
	}
	return v.Events, v.Judged
}

func TestVectors(t *testing.T) {
	events, _ := readVectors(t)
	for i, x := range events {
		rec, err := AppendRecord(nil, x.event(), x.Time, x.Flags&^extraFlags)
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
			if !r.Erased() && !bytes.Equal(r.Content(), x.Payload) {
				t.Errorf("%d: content %x, want %x", i, r.Content(), x.Payload)
			}
		}
	}
}

func TestJudgedVectors(t *testing.T) {
	_, judged := readVectors(t)
	for _, x := range judged {
		r, n, err := DecodeRecord(x.Record)
		if x.Outcome == "refused" {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%s: %+v, %v; want it refused", x.Name, r, err)
			}
			continue
		}
		if err != nil || n != len(x.Record) || r.LeafHash() != x.LeafHash {
			t.Fatalf("%s: %d of %d bytes, %v", x.Name, n, len(x.Record), err)
		}
		rules := Rules{Kind: x.Kind, Sealed: x.Sealed, Erasable: x.Erasable, Short: [ShortBytes]byte(x.Own)}
		err = rules.Judge(&r, x.Previous)
		var o *Offence
		if errors.As(err, &o) != (x.Outcome == "closed") || o != nil && (o.Reason != x.Reason || o.Reason.String() != x.ReasonName) {
			t.Errorf("%s: %v, want %s for reason %d, %s", x.Name, err, x.Outcome, x.Reason, x.ReasonName)
		}
	}
}
