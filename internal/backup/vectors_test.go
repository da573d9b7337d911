// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../../tests/testdata/vectors/backup.json")

const vectorFile = "../../tests/testdata/vectors/backup.json"

// vectors are manifests, as another implementation reads them.
type vectors struct {
	Note      string           `json:"note"`
	Manifests []manifestVector `json:"manifests"`
	Refused   []refusedVector  `json:"refused"`
}

type manifestVector struct {
	What     string      `json:"what"`
	Seed     digest.Hash `json:"seed"` // of the store
	Manifest *Manifest   `json:"manifest"`
	Text     string      `json:"text"` // of the file BACKUP
}

type refusedVector struct {
	What string `json:"what"`
	Text string `json:"text"`
}

func word(s string) digest.Hash { return digest.Sum([]byte(s)) }

func fileOf(name string) File { return File{name, int64(len(name)), word(name)} }

func piece(log digest.Hash, name string, segment uint64, first, end int, rewrite uint32) Piece {
	return Piece{fileOf("logs/" + log.String() + "/" + name), segment, first, end, rewrite}
}

// manifest is one with every field, or one of a store without identity, names and
// files of logs.
func manifest(whole bool) *Manifest {
	seed, data, roster := word("seed"), word("log"), word("roster")
	m := &Manifest{
		Number: 1, Time: time.UnixMilli(1700000000000).UTC(), Store: storeOf(identity.Seed(seed)), Identity: IdentityNone, PageBytes: 16384, SegmentPages: 64,
		AOF: fileOf("state/1.mdb"), Topics: []Topic{{ID: word("topic"), Log: data}}, Logs: []Log{{ID: data, Topic: word("topic"), Kind: "data", Root: digest.Empty}},
	}
	if !whole {
		return m
	}
	key := fileOf("state/12.key")
	m.Number, m.Time, m.Peer, m.Identity, m.Seed = 12, time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC), word("peer").String(), IdentityPlain, &key
	m.AOF, m.Topics[0].Name = fileOf("state/12.mdb"), "die \"Gärtner\""
	m.Logs = []Log{
		{ID: data, Topic: word("topic"), Kind: "data", Own: true, Size: 900, Root: word("root"), Pages: 70, Pieces: []Piece{
			piece(data, "000000.0-40.3", 0, 0, 40, 2), piece(data, "000000.40-64.11", 0, 40, 64, 2), piece(data, "000001.0-6.12", 1, 0, 6, 0),
		}},
		{ID: roster, Topic: word("topic"), Kind: "roster", Size: 2, Root: word("roster root")},
	}
	return m
}

func makeVectors(t *testing.T) vectors {
	v := vectors{Note: "written by go test ./internal/backup -run Vectors -update; a hash that nothing explains is the SHA-256 of a word"}
	text := func(m *Manifest) string {
		b, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, x := range []struct {
		what  string
		whole bool
	}{{"with everything", true}, {"without identity and files of logs", false}} {
		v.Manifests = append(v.Manifests, manifestVector{x.what, word("seed"), manifest(x.whole), text(manifest(x.whole))})
	}
	sealed := manifest(true)
	sealed.Identity = IdentitySealed
	v.Manifests = append(v.Manifests, manifestVector{"under a passphrase", word("seed"), sealed, text(sealed)},
		manifestVector{"of version 1", word("seed"), manifest(false), strings.Replace(text(manifest(false)), magic, magicClear, 1)})
	good := v.Manifests[0].Text
	_, body, _ := strings.Cut(good, "\n")
	refuse := func(what, text string) { v.Refused = append(v.Refused, refusedVector{what, text}) }
	refuse("nothing", "")
	refuse("a byte changed", strings.Replace(good, "900", "901", 1))
	refuse("a byte less", good[:len(good)-1])
	refuse("another version", strings.Replace(good, "backup 2", "backup 3", 1))
	refuse("digits in upper case", strings.ToUpper(good[:len(magic)+64][len(magic):])+good[len(magic)+64:])
	refuse("no JSON", string(withSum([]byte(body[:len(body)-2]))))
	refuse("a field that is not known", string(withSum([]byte(strings.Replace(body, "{", "{\"more\": 1,", 1)))))
	for _, x := range []struct {
		what   string
		change func(m *Manifest)
	}{
		{"a file outside of it", func(m *Manifest) { m.AOF.Name = "../state/12.mdb" }},
		{"a file of another name", func(m *Manifest) { m.AOF.Name = "state/12.txt" }},
		{"a file twice", func(m *Manifest) { m.Logs[0].Pieces[2].Name = m.Logs[0].Pieces[1].Name }},
		{"less than no bytes", func(m *Manifest) { m.AOF.Bytes = -1 }},
		{"an identity that is not there", func(m *Manifest) { m.Seed = nil }},
		{"a sealed identity that is not there", func(m *Manifest) { m.Seed, m.Identity = nil, IdentitySealed }},
		{"an identity that should not be there", func(m *Manifest) { m.Identity = IdentityNone }},
		{"one page in a segment", func(m *Manifest) { m.SegmentPages, m.Logs = 1, nil }},
		{"65537 pages in a segment", func(m *Manifest) { m.SegmentPages, m.Logs = 65537, nil }},
		{"a page more than there is", func(m *Manifest) { m.Logs[0].Pages++ }},
		{"a gap", func(m *Manifest) { m.Logs[0].Pieces[1].First++ }},
		{"pieces out of order", func(m *Manifest) { p := m.Logs[0].Pieces; p[0], p[1] = p[1], p[0] }},
		{"a piece over the end of a segment", func(m *Manifest) { m.Logs[0].Pieces[1].End, m.Logs[0].Pieces[2].Segment, m.Logs[0].Pages = 65, 2, 135 }},
		{"a piece of no pages", func(m *Manifest) { m.Logs[0].Pieces[2].End, m.Logs[0].Pages = 0, 64 }},
	} {
		m := manifest(true)
		x.change(m)
		refuse(x.what, text(m))
	}
	return v
}

// TestVectors holds the file against what the code makes, and reads it.
func TestVectors(t *testing.T) {
	raw, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil || !bytes.Equal(b, raw) {
		t.Fatalf("the vectors are others (%v)", err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, x := range v.Manifests {
		if m, err := decode([]byte(x.Text)); err != nil || !reflect.DeepEqual(m, x.Manifest) {
			t.Errorf("%s: %+v, %v", x.What, m, err)
		}
	}
	for _, x := range v.Refused {
		if _, err := decode([]byte(x.Text)); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: %v", x.What, err)
		}
	}
}
