// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A sample is a table and a sound row of it.
type sample struct {
	kind       *Kind
	key, value []byte
	again      func(key, value []byte) (k, v []byte, err error) // decoded and encoded
}

func sampleOf[K, V any](t *Table[K, V], k K, v V) sample {
	return sample{&t.Kind, t.Key(k), t.Value(v), func(key, value []byte) ([]byte, []byte, error) {
		k, v, err := t.Parse(key, value)
		if err != nil {
			return nil, nil, err
		}
		return t.Key(k), t.Value(v), nil
	}}
}

// samples has a row of each kind but forks and ranges, which have tests of their
// own where there are logs.
func samples() []sample {
	topic := identitytest.NewTopicOf(3, 4096)
	head := proof.Head{Log: word("log"), Size: 5, Root: word("root"), Sig: [64]byte{1}}
	signed := []proof.Cosignature{{Witness: [32]byte{1}, Time: 2, Sig: [64]byte{3}}}
	id := topic.ID()
	return []sample{
		sampleOf(Topics, 1, &Topic{ID: id, Num: 1, Account: identity.AccountSecret{Secret: identity.Secret{7}}, Genesis: topic.Genesis, Keys: topic.Keys, Name: "name"}),
		sampleOf(Agreements, AgreementKey{identity.PeerID{1}, id}, Agreement{digest.Set{Count: 3, Sum: word("set")}, 7}),
		sampleOf(Peers, identity.PeerID{1}, append([]byte{1}, make([]byte, 23)...)),
		sampleOf(Progress, ProgressKey{"tags", word("log")}, 9),
		sampleOf(Generations, Only{}, identity.Generation{1}),
		sampleOf(Places, Only{}, identity.PlaceOf("somewhere", durable.Whereabouts{})),
		sampleOf(Closings, Only{}, 12),
		sampleOf(Moves, Only{}, &Move{From: identity.PeerID{1}, To: identity.PeerID{2}, Why: "why", At: time.UnixMilli(4)}),
		sampleOf(Restores, Only{}, time.UnixMilli(5)),
		sampleOf(Unmet, id, time.UnixMilli(6)),
		sampleOf(Formers, FormerKey{id, [32]byte{3}}, word("log")),
		sampleOf(Copies, word("log"), Copy{Topic: id, Log: word("log"), Author: [32]byte{3}, Seen: time.UnixMilli(4)}),
		sampleOf(Defaults, Only{}, id),
		sampleOf(SuccessorKeys, [32]byte{4}, identity.Secret{5}),
		sampleOf(Petnames, PetnameKey{id, [32]byte{4}}, naming.Petname{Given: 5, Name: "Ben"}),
		sampleOf(NamedLogs, word("log"), Named{To: 9, Root: word("root")}),
		sampleOf(Homes, Only{}, Home{Topic: id, Root: &seal.PublicKey{3}}),
		sampleOf(Follows, id, []digest.Hash{{1}, {2}}),
		sampleOf(Legs, id, []digest.Hash{{1}, {2}}),
		sampleOf(Invited, id, identity.Position{Term: 1, Leg: 2, Size: 3, Root: word("root")}),
		sampleOf(Resumed, id, identity.Position{Term: 1, Leg: 2, Size: 3, Root: word("root")}),
		sampleOf(SignedLegs, word("log"), Tip{5, word("root")}),
		sampleOf(Unasked, word("log"), Stretch{5, 1 << 40, word("root")}),
		sampleOf(KEMKeys, id, []KEMKey{{[32]byte{1}, identity.Secret{2}}, {[32]byte{3}, identity.Secret{4}}}),
		sampleOf(EpochSecrets, EpochKey{id, word("epoch")}, EpochSecret{7, identity.Secret{2}, identity.Secret{3}, word("readers")}),
		sampleOf(Cosigned, word("log"), Tip{5, word("root")}),
		sampleOf(Forgets, Only{}, time.UnixMilli(6)),
		sampleOf(Cosignatures, word("log"), []CosignedHead{{head, signed}, {Head: head}}),
		sampleOf(Doubts, word("log"), head),
		sampleOf(IDs, messages.IDKey{1}, Written{word("log"), 1<<48 - 2, 1700000000123}),
	}
}

// TestRowsComeBack decodes what was encoded, as a row of the one kind that it is
// of.
func TestRowsComeBack(t *testing.T) {
	all := samples()
	for _, s := range all {
		if k := KindOf(s.kind.Bucket, s.key); k != s.kind {
			t.Errorf("%s is taken as %+v", s.kind.Name, k)
		}
		if err := s.kind.Check(s.key, s.value); err != nil {
			t.Error(err)
		}
		if k, v, err := s.again(s.key, s.value); err != nil || !bytes.Equal(k, s.key) || !bytes.Equal(v, s.value) {
			t.Errorf("%s: %x %x became %x %x, %v", s.kind.Name, s.key, s.value, k, v, err)
		}
	}
	if len(all) != len(Kinds)-2 {
		t.Errorf("%d samples of %d kinds", len(all), len(Kinds))
	}
}

// TestRowsOfOtherLengths: a row that lost or gained a byte at its end is damage,
// but for texts.
func TestRowsOfOtherLengths(t *testing.T) {
	text := []*Kind{&Topics.Kind, &Moves.Kind}
	for _, s := range samples() {
		bad := [][2][]byte{{s.key, s.value[:0]}, {append(slices.Clone(s.key), 1), s.value}}
		if !slices.Contains(text, s.kind) {
			bad = append(bad, [2][]byte{s.key, s.value[:len(s.value)-1]}, [2][]byte{s.key, append(slices.Clone(s.value), 1)})
		}
		for _, row := range bad {
			if may := s.kind == &Follows.Kind || s.kind == &Legs.Kind || s.kind == &Cosignatures.Kind; may && len(row[1]) == 0 {
				continue // a list of nothing
			}
			if s.kind == &Progress.Kind && len(row[0]) > len(s.key) {
				continue // another actor's name and log, if one has that
			}
			if err := Check(s.kind.Bucket, row[0], row[1]); !errors.Is(err, corrupt.Err) {
				t.Errorf("%s: %x %x: %v", s.kind.Name, row[0], row[1], err)
			}
		}
	}
}

// TestKindsDoNotOverlap: no key can be of two kinds.
func TestKindsDoNotOverlap(t *testing.T) {
	for i, a := range Kinds {
		if !slices.Contains(Buckets(), a.Bucket) {
			t.Errorf("%s is in bucket %q", a.Name, a.Bucket)
		}
		for _, b := range Kinds[i+1:] {
			if a.Bucket == b.Bucket && (strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)) {
				t.Errorf("%s and %s both begin with %q or %q", a.Name, b.Name, a.Prefix, b.Prefix)
			}
		}
	}
}

// TestDocsNameEachKind: docs/format.md has a line for each kind of row.
func TestDocsNameEachKind(t *testing.T) {
	b, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds {
		begin := "| `" + k.Bucket + "` | "
		found := slices.ContainsFunc(strings.Split(string(b), "\n"), func(line string) bool {
			return strings.HasPrefix(line, begin) && strings.Contains(line, "`"+strings.TrimSuffix(k.Prefix, "\x00")+"`") || k.Prefix == "" && strings.HasPrefix(line, begin)
		})
		if !found {
			t.Errorf("docs/format.md has no line of %s under %q in %s", k.Name, k.Prefix, k.Bucket)
		}
	}
}

func TestRowOfNoKind(t *testing.T) {
	if err := Check(bucketMeta, []byte("strange "), nil); !errors.Is(err, corrupt.Err) {
		t.Error(err)
	}
	if Salvaged(bucketMeta, []byte("strange "), nil) {
		t.Error("a repair keeps it")
	}
}

// FuzzRows: a row that is taken is encoded in one way, and any other is damage.
func FuzzRows(f *testing.F) {
	all := samples()
	for _, s := range all {
		f.Add(s.kind.Bucket, s.key, s.value)
	}
	f.Fuzz(func(t *testing.T, bucket string, key, value []byte) {
		err := Check(bucket, key, value)
		if err != nil {
			if !errors.Is(err, corrupt.Err) {
				t.Fatal(err)
			}
			return
		}
		kind := KindOf(bucket, key)
		for _, s := range all {
			if s.kind != kind {
				continue
			}
			if k, v, err := s.again(key, value); err != nil || !bytes.Equal(k, key) || !bytes.Equal(v, value) {
				t.Fatalf("%s: %x %x became %x %x, %v", kind.Name, key, value, k, v, err)
			}
		}
	})
}
