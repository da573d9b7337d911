// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A running store that was copied file by file, while it wrote, is refused, and
// the error names the way to copy it. The same files in the place that they name
// are damage, and nothing is said about copies.
func TestTornCopyNamesBackup(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "copy")
	db, err := xaeroflux.Open(dir, storetest.Small())
	storetest.Must(t, err)
	storetest.MustAppend(t, db, 300, "event %d, before the copy began")
	storetest.Must(t, os.CopyFS(filepath.Join(to, "aof"), os.DirFS(filepath.Join(dir, "aof"))))
	storetest.MustAppend(t, db, 9000, "event %d, while it was made")
	storetest.AwaitPages(t, db, 20)
	for _, name := range []string{"FORMAT", "identity.key"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		storetest.Must(t, err)
		storetest.Must(t, os.WriteFile(filepath.Join(to, name), b, 0o600))
	}
	for _, name := range []string{"logs", "mmr"} {
		storetest.Must(t, os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(dir, name))))
	}
	storetest.Must(t, db.Close())
	for _, name := range []string{"aof/ is older", "and cut"} {
		if name == "and cut" {
			storetest.Must(t, os.Truncate(filepath.Join(to, "aof", "data.mdb"), 5000))
		}
		_, err := xaeroflux.Open(to, storetest.Small())
		var torn *xaeroflux.TornCopyError
		if !errors.As(err, &torn) || torn.Why == "" || !strings.Contains(err.Error(), "by a backup") {
			t.Fatalf("%s: %v", name, err)
		}
		if !errors.As(err, new(*xaeroflux.RefusedError)) {
			t.Errorf("%s: it does not say what is wrong: %v", name, err)
		}
	}
	storetest.Must(t, os.Truncate(filepath.Join(dir, "aof", "data.mdb"), 5000))
	if _, err := xaeroflux.Open(dir, storetest.Small()); err == nil || errors.As(err, new(*xaeroflux.TornCopyError)) {
		t.Errorf("a damaged store in its place: %v", err)
	}
}
