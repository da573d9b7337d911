// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type vectors struct {
	Leaves []struct {
		Data hexBytes
		Hash Hash
	}
	Trees []struct {
		Size int
		Root Hash
	}
	Tagged []struct {
		Tag   string
		Parts []hexBytes
		Hash  Hash
	}
	Set []struct {
		Op        string
		Log, Root Hash
		Size      uint64 `json:",string"`
		Count     uint64
		Sum       Hash
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../../tests/testdata/vectors/digest.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Leaves) == 0 || len(v.Trees) == 0 || len(v.Tagged) == 0 || len(v.Set) == 0 {
		t.Fatal("vectors are missing")
	}
	return v
}

func TestHashVectors(t *testing.T) {
	v := readVectors(t)
	var leaves []Hash
	for _, l := range v.Leaves {
		if got := Leaf(l.Data); got != l.Hash {
			t.Errorf("leaf of %d bytes: %v, want %v", len(l.Data), got, l.Hash)
		}
		leaves = append(leaves, Leaf(l.Data))
	}
	for _, tree := range v.Trees {
		if got := rootSlow(leaves[:tree.Size]); got != tree.Root {
			t.Errorf("root of %d leaves: %v, want %v", tree.Size, got, tree.Root)
		}
	}
	for _, x := range v.Tagged {
		parts := make([][]byte, len(x.Parts))
		for i, p := range x.Parts {
			parts[i] = p
		}
		if got := Tagged(x.Tag, parts...); got != x.Hash {
			t.Errorf("tagged %q %x: %v, want %v", x.Tag, parts, got, x.Hash)
		}
	}
}

func TestSetVectors(t *testing.T) {
	var s Multiset
	for i, step := range readVectors(t).Set {
		switch step.Op {
		case "add":
			s.Add(step.Log, step.Size, step.Root)
		case "remove":
			s.Remove(step.Log, step.Size, step.Root)
		default:
			t.Fatalf("step %d: %q", i, step.Op)
		}
		if got := s.Set(); got != (Set{step.Count, step.Sum}) {
			t.Fatalf("step %d: %+v, want %d %v", i, got, step.Count, step.Sum)
		}
	}
}
