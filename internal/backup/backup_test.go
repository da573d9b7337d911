// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// openStore makes a store with a topic and opens it.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(dir, store.Options{MapBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := st.Found("notes", store.Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	return st
}

var errCut = errors.New("cut")

// A cut ends a backup before its nth file, or before its manifest.
type cut struct {
	target
	n int
}

func (c *cut) put(ctx context.Context, name string, size int64, r io.Reader) (sum digest.Hash, err error) {
	if c.n--; c.n < 0 {
		r = io.MultiReader(io.LimitReader(r, size/2), &failing{})
	}
	return c.target.put(ctx, name, size, r)
}

func (c *cut) finish(m *Manifest) error {
	if c.n--; c.n < 0 {
		return errCut
	}
	return c.target.finish(m)
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errCut }

// Wherever a backup stops, the earlier one is whole, and the next one clears away
// what was left.
func TestAnInterruptedBackupLeavesTheOneBefore(t *testing.T) {
	ctx, st, dir := context.Background(), openStore(t), filepath.Join(t.TempDir(), "b")
	first, err := Write(ctx, st, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := st.Found("another", store.Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1)); err != nil {
			t.Fatal(err)
		}
		w := &writer{ctx: ctx, to: &cut{&dirTarget{dir: dir, touched: map[string]bool{}}, n}, report: Report{Manifest: &Manifest{Number: first.Number + 1}}}
		if err := w.write(st, filepath.Join(dir, tmpName)); !errors.Is(err, errCut) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if m, err := Verify(ctx, dir, VerifyOptions{}); err != nil || m.Number != first.Number || len(m.Topics) != 1 {
			t.Errorf("cut at %d: %+v, %v", n, m, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, tmpName)); err != nil {
			t.Fatal(err)
		}
	}
	last, err := Write(ctx, st, dir, Options{})
	if err != nil || len(last.Topics) != 4 {
		t.Fatalf("%+v, %v", last, err)
	}
	if _, err := Verify(ctx, dir, VerifyOptions{}); err != nil {
		t.Error(err)
	}
	state, err := os.ReadDir(filepath.Join(dir, stateName))
	if err != nil || len(state) != 2 {
		t.Errorf("%d files are left in state: %v", len(state), err)
	}
}

// No byte of what keys come from is in a backup without identity. In one with it, all
// but the seed is sealed under that.
func TestWithoutIdentityNothingSecretIsInIt(t *testing.T) {
	ctx, st := context.Background(), openStore(t)
	device := st.Device()
	secrets := map[string][]byte{"generation": device.Generation[:]}
	for _, topic := range st.Topics() {
		secrets["account of "+topic.Name] = topic.Account.Secret[:]
	}
	for _, without := range []bool{false, true} {
		var b bytes.Buffer
		m, err := Stream(ctx, st, &b, Options{WithoutIdentity: without})
		if err != nil {
			t.Fatal(err)
		}
		if (m.Identity == IdentityNone) != without || (m.Seed == nil) != without || (m.Peer == "") != without {
			t.Errorf("%+v", m.Manifest)
		}
		for name, secret := range secrets {
			if bytes.Contains(b.Bytes(), secret) {
				t.Errorf("without identity %v: the %s is in it", without, name)
			}
		}
		if seed, err := os.ReadFile(filepath.Join(st.Dir(), "identity.key")); err != nil || bytes.Contains(b.Bytes(), seed) == without {
			t.Errorf("without identity %v: identity.key is in it, or not: %v", without, err)
		}
	}
}

// A manifest that is not what this program writes is refused, never a panic.
func FuzzManifest(f *testing.F) {
	id := digest.Hash{1}
	m := &Manifest{
		Number: 2, Identity: IdentityNone, PageBytes: 4096, SegmentPages: 2, AOF: File{Name: "state/2.mdb", Bytes: 1},
		Logs: []Log{{ID: id, Kind: "data", Pages: 3, Pieces: []Piece{
			{File: File{Name: "logs/" + id.String() + "/000000.0-2.1"}, End: 2},
			{File: File{Name: "logs/" + id.String() + "/000001.0-1.2"}, Segment: 1, End: 1},
		}}},
	}
	b, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	if _, err := decode(b); err != nil {
		f.Fatal(err)
	}
	f.Add(b[len(magic)+65:])
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decode(withSum(body))
		if err != nil {
			return
		}
		for _, file := range got.files() {
			if !filepath.IsLocal(filepath.FromSlash(file.Name)) {
				t.Errorf("a file %q", file.Name)
			}
		}
	})
}

// Files and pages that no backup has.
func TestManifestsThatCannotBe(t *testing.T) {
	id := digest.Hash{1}
	piece := func(name string, segment uint64, first, end int) Piece {
		return Piece{File: File{Name: name}, Segment: segment, First: first, End: end}
	}
	a, b := "logs/"+id.String()+"/000000.0-2.1", "logs/"+id.String()+"/000001.0-1.2"
	for name, change := range map[string]func(*Manifest){
		"outside":              func(m *Manifest) { m.AOF.Name = "../2.mdb" },
		"of a negative length": func(m *Manifest) { m.AOF.Bytes = -1 },
		"a seed unsaid":        func(m *Manifest) { m.Seed = &File{Name: "state/2.key"} },
		"no segments":          func(m *Manifest) { m.SegmentPages = 0 },
		"segments too large":   func(m *Manifest) { m.SegmentPages = 1 << 20 },
		"a gap":                func(m *Manifest) { m.Logs[0].Pieces = []Piece{piece(a, 0, 0, 1), piece(b, 1, 0, 1)} },
		"one file twice":       func(m *Manifest) { m.Logs[0].Pieces = []Piece{piece(a, 0, 0, 2), piece(a, 1, 0, 1)} },
		"pages that are none":  func(m *Manifest) { m.Logs[0].Pieces = []Piece{piece(a, 0, 0, 3)} },
		"too few pages":        func(m *Manifest) { m.Logs[0].Pieces = []Piece{piece(a, 0, 0, 2)} },
	} {
		m := &Manifest{
			Identity: IdentityNone, SegmentPages: 2, AOF: File{Name: "state/2.mdb"},
			Logs: []Log{{ID: id, Pages: 3, Pieces: []Piece{piece(a, 0, 0, 2), piece(b, 1, 0, 1)}}},
		}
		if err := m.valid(); err != nil {
			t.Fatal(err)
		}
		change(m)
		if err := m.valid(); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
