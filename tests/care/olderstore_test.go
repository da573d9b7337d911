// SPDX-License-Identifier: MPL-2.0

package care

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// olderStore unpacks a store of format 2, which an earlier program made, a backup of it,
// and one without identity. Secrets lie in the clear in all of them; those of the store
// are returned.
func olderStore(t *testing.T) (dir, backup, nameless string, secrets map[string][]byte) {
	t.Helper()
	to := t.TempDir()
	f, err := os.Open("../testdata/stores/format2.tgz")
	storetest.Must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	storetest.Must(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		storetest.Must(t, err)
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			storetest.Must(t, os.MkdirAll(path, 0o700))
			continue
		}
		b, err := io.ReadAll(r)
		storetest.Must(t, err)
		storetest.Must(t, os.WriteFile(path, b, 0o600))
	}
	v := &vault{t: t, dir: filepath.Join(to, "store"), secrets: map[string][]byte{}}
	v.learn()
	delete(v.secrets, "the seed") // it has no passphrase
	if found := storetest.Search(t, v.secrets, v.dir); len(found) < len(v.secrets) {
		t.Fatalf("%d of %d secrets are found, so that the test shows nothing", len(found), len(v.secrets))
	}
	return v.dir, filepath.Join(to, "backup"), filepath.Join(to, "nameless"), v.secrets
}

// wantDiary reads what was written by the earlier program.
func wantDiary(t *testing.T, db *xaeroflux.DB) {
	t.Helper()
	n := 0
	for _, topic := range db.Topics() {
		if topic.Name() != "diary" {
			continue
		}
		for r, err := range topic.Events(ctx, xaeroflux.Query{}) {
			storetest.Must(t, err)
			if r.Sealed == nil && strings.HasSuffix(string(r.Payload), "of the diary") {
				n++
			}
		}
	}
	if n != 60 {
		t.Errorf("%d events can be read, want 60", n)
	}
}

// A store of format 2 is read as it is, and becomes one of format 3 when it is opened to
// be written: then no byte of a secret is in it.
func TestStoreOfFormat2(t *testing.T) {
	dir, _, _, secrets := olderStore(t)
	before := contents(t, dir)
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true})
	storetest.Must(t, err)
	wantDiary(t, db)
	storetest.Must(t, db.Close())
	storetest.CheckClean(t, dir)
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Error("a reader changed it")
	}
	db, err = xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
	storetest.Must(t, err)
	wantDiary(t, db)
	storetest.Must(t, db.Close())
	if found := storetest.Search(t, secrets, dir); len(found) > 0 {
		t.Errorf("on disk in the clear: %q", found)
	}
	format, err := os.ReadFile(filepath.Join(dir, "FORMAT"))
	if err != nil || !bytes.HasPrefix(format, []byte("xaeroflux store 3\n")) {
		t.Errorf("FORMAT begins with %.20q, %v", format, err)
	}
	storetest.CheckClean(t, dir)
}

// A backup of the earlier program is verified and restored, and so is one without
// identity, which a new seed seals.
func TestBackupOfFormat2(t *testing.T) {
	_, backup, nameless, secrets := olderStore(t)
	for _, from := range []string{backup, nameless} {
		if _, err := xaeroflux.VerifyBackup(ctx, from, nil); err != nil {
			t.Error(err)
		}
		to := filepath.Join(t.TempDir(), "restored")
		_, err := xaeroflux.Restore(ctx, from, to, nil)
		storetest.Must(t, err)
		if found := storetest.Search(t, secrets, to); len(found) > 0 {
			t.Errorf("on disk in the clear: %q", found)
		}
		db := storetest.Open(t, to, nil)
		wantDiary(t, db)
	}
}

// What was set aside of such a store holds its keys in the clear, so that a passphrase is
// refused until it is removed.
func TestPassphraseOfAStoreWithClearRemains(t *testing.T) {
	for name, setAside := range map[string]func(t *testing.T, dir string) (aside string){
		"the AOF, by a repair": func(t *testing.T, dir string) string {
			loseAOF(t, dir, false)
			r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{AcceptLoss: true})
			if err != nil || len(r.Left) > 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			return r.Aside
		},
		"a row, by a repair of the earlier program": func(t *testing.T, dir string) string {
			aside := filepath.Join(dir, layout.DamagedName, "then")
			storetest.Must(t, os.MkdirAll(aside, 0o700))
			line := layout.AsideLine("meta", []byte("epoch of nothing"), []byte("a secret"))
			storetest.Must(t, os.WriteFile(filepath.Join(aside, "rows.json"), line, 0o600))
			return aside
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _, _, secrets := olderStore(t)
			aside := setAside(t, dir)
			err := xaeroflux.SetPassphrase(dir, nil, []byte("a passphrase"))
			if !errors.Is(err, xaeroflux.ErrClear) || !strings.Contains(err.Error(), aside) {
				t.Errorf("%v", err)
			}
			storetest.Must(t, os.RemoveAll(aside))
			storetest.Must(t, xaeroflux.SetPassphrase(dir, nil, []byte("a passphrase")))
			if found := storetest.Search(t, secrets, dir); len(found) > 0 {
				t.Errorf("on disk in the clear: %q", found)
			}
			report, err := xaeroflux.Check(ctx, dir, &xaeroflux.CheckOptions{Passphrase: storetest.Says("a passphrase")})
			if err != nil || report.Found() > 0 {
				t.Errorf("%+v, %v", report.Findings, err)
			}
		})
	}
}
