// SPDX-License-Identifier: MPL-2.0

package xaeroflux_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Ids are text in JSON, as values and as keys of maps.
func TestIdsAreText(t *testing.T) {
	in := struct {
		F xaeroflux.Frontier
		T xaeroflux.TopicID
		A xaeroflux.AuthorKey
		H xaeroflux.Hash
		E xaeroflux.EventID
		N xaeroflux.Name
		R xaeroflux.Ref
		S xaeroflux.Signature
	}{xaeroflux.Frontier{{1, 2}: 7}, xaeroflux.TopicID{3}, xaeroflux.AuthorKey{4}, xaeroflux.Hash{5}, xaeroflux.EventID{6}, xaeroflux.Name{7}, xaeroflux.Ref{Log: xaeroflux.LogPrefix{8}, Size: 9}, xaeroflux.Signature{10}}
	text, err := json.Marshal(in)
	if err != nil || strings.Contains(string(text), "[") {
		t.Fatalf("%s: %v", text, err)
	}
	out := in
	out.F, out.T, out.A, out.H, out.E, out.N = nil, xaeroflux.TopicID{}, xaeroflux.AuthorKey{}, xaeroflux.Hash{}, xaeroflux.EventID{}, xaeroflux.Name{}
	out.R, out.S = xaeroflux.Ref{}, xaeroflux.Signature{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if out.F[xaeroflux.LogID{1, 2}] != 7 || out.T != in.T || out.A != in.A || out.H != in.H || out.E != in.E || out.N != in.N || out.R != in.R || out.S != in.S {
		t.Errorf("%s became %+v", text, out)
	}
}

func TestIdsRefuseOtherText(t *testing.T) {
	id := xaeroflux.LogID{9}
	whole := id.String()
	for _, bad := range []string{"", whole[1:], whole + "00", strings.Replace(whole, "9", "g", 1), " " + whole[1:]} {
		if err := id.UnmarshalText([]byte(bad)); !errors.Is(err, xaeroflux.ErrOptions) || id != (xaeroflux.LogID{9}) {
			t.Errorf("%q: %v, %s", bad, err, id)
		}
	}
}

// readBack reads what String of an id wrote, and the same without its last digit.
func readBack[ID interface {
	comparable
	String() string
}](t *testing.T, id ID, parse func(string) (ID, error)) {
	t.Helper()
	text := id.String()
	if got, err := parse(text); got != id || err != nil {
		t.Errorf("%s is read as %s: %v", text, got, err)
	}
	if got, err := parse(text[1:]); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("%s is read as %s: %v", text[1:], got, err)
	}
}

func TestIdsAreReadBack(t *testing.T) {
	readBack(t, xaeroflux.LogID{1}, xaeroflux.ParseLogID)
	readBack(t, xaeroflux.TopicID{2}, xaeroflux.ParseTopicID)
	readBack(t, xaeroflux.AuthorKey{3}, xaeroflux.ParseAuthorKey)
	readBack(t, xaeroflux.InviteKey{7, 1}, xaeroflux.ParseInviteKey)
	readBack(t, xaeroflux.AccountKey{9}, xaeroflux.ParseAccountKey)
	readBack(t, xaeroflux.InviteKey{8}, xaeroflux.ParseInviteKey)
	readBack(t, xaeroflux.PeerID{4}, xaeroflux.ParsePeerID)
	readBack(t, xaeroflux.EventID{5}, xaeroflux.ParseEventID)
}

// Heads and the proof between them convince without a store; any other does not.
func TestVerifyConsistency(t *testing.T) {
	db, err := xaeroflux.Open(filepath.Join(t.TempDir(), "s"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	heads := []xaeroflux.Head{db.Head()}
	for range 3 {
		if _, err := db.AppendBatch(ctx, make([]xaeroflux.Event, 5)); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, db.Head())
	}
	log := db.Topics()[0].Log()
	for i, older := range heads {
		for _, newer := range heads[i:] {
			p, err := log.ProveConsistency(ctx, older.Size, newer.Size)
			if err == nil {
				err = xaeroflux.VerifyConsistency(p, older, newer)
			}
			if err != nil {
				t.Errorf("%d to %d: %v", older.Size, newer.Size, err)
			}
		}
	}
	p, err := log.ProveConsistency(ctx, 5, 15)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.ProveConsistency(ctx, 15, 5); !errors.Is(err, xaeroflux.ErrRange) {
		t.Errorf("backwards: %v", err)
	}
	other, unsigned := heads[1], heads[1]
	other.Root = heads[2].Root
	unsigned.Sig[7] ^= 1
	for name, pair := range map[string][2]xaeroflux.Head{
		"another size": {heads[2], heads[3]}, "another root": {other, heads[3]}, "not signed": {unsigned, heads[3]}, "the other way": {heads[3], heads[1]},
	} {
		if err := xaeroflux.VerifyConsistency(p, pair[0], pair[1]); !errors.Is(err, proof.ErrProof) && !errors.Is(err, proof.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
