// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A directory of a store that is a symbolic link is the copy's too: a copy writes
// nothing before it has one of its own, or was adopted.
func TestCopyWithALinkTouchesNothing(t *testing.T) {
	for _, name := range []string{"mmr", "logs", "aof"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "s")
			db := storetest.Open(t, dir, storetest.Small())
			storetest.MustAppend(t, db, 300, "event %d of a store with a link in it")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			far := filepath.Join(t.TempDir(), "far")
			if err := errors.Join(os.Rename(filepath.Join(dir, name), far), os.Symlink(far, filepath.Join(dir, name))); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copy")
			if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if db, err := xaeroflux.Open(copied, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); err == nil {
				t.Error("the copy was opened", db.Close())
			} else if !strings.Contains(err.Error(), name+" is a symbolic link") {
				t.Error(err)
			}
			if db, err := xaeroflux.Open(copied, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true}); err != nil {
				t.Error("to read it:", err)
			} else if err := db.Close(); err != nil {
				t.Error(err)
			}
			storetest.CheckClean(t, dir)
			db = storetest.Open(t, dir, storetest.Small())
			storetest.MustAppend(t, db, 300, "event %d behind the copy")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove(filepath.Join(copied, name)), os.CopyFS(filepath.Join(copied, name), os.DirFS(far))); err != nil {
				t.Fatal(err)
			}
			storetest.CheckClean(t, dir)
		})
	}
}
