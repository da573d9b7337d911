// SPDX-License-Identifier: MPL-2.0

package aside

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A directory of which a file was kept before is set aside whole: what was kept stays
// as it was, and all else comes beside it.
func TestMoveBesideWhatWasKept(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"log/a", "log/in/b", "log/c"} {
		write(name, "of before")
	}
	files := Files{FS: durable.OS, Dir: dir, Now: time.UnixMilli(1)}
	if err := errors.Join(files.Copy("log/a"), files.Copy("log/in/b")); err != nil {
		t.Fatal(err)
	}
	write("log/a", "mended, and wrong")
	if err := files.Move("log"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
	for _, name := range []string{"log/a", "log/in/b", "log/c"} {
		if b, err := os.ReadFile(filepath.Join(files.Used(), name)); string(b) != "of before" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}
