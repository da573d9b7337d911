// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A store of format 1 is refused with the sentence that says so, by whatever opens
// one, and no file of it is changed.
func TestStoreOfFormat1(t *testing.T) {
	const sentence = "not a store this version can open: another version: FORMAT has version 1, this program knows 3; " +
		"it was made before the formats were final, and nothing converts it: read it with the program that made it, and append to a new store"
	dir := filepath.Join(t.TempDir(), "s")
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	storetest.Must(t, err)
	storetest.Must(t, db.Close())
	storetest.Must(t, os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("xaeroflux store 1 page 16384 segment 1024\n"), 0o600))
	before := contents(t, dir)
	for name, open := range map[string]func() (*xaeroflux.DB, error){
		"Open": func() (*xaeroflux.DB, error) {
			return xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		},
		"Open, read-only": func() (*xaeroflux.DB, error) {
			return xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true})
		},
	} {
		db, err := open()
		if err == nil {
			storetest.Must(t, db.Close())
		}
		if !errors.Is(err, xaeroflux.ErrFormat) || err.Error() != "store "+dir+": "+sentence {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("files changed: %d before, %d after", len(before), len(after))
	}
}

// contents reads all files of a store but LMDB's own lock.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	storetest.Must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "lock.mdb") {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	}))
	return all
}
