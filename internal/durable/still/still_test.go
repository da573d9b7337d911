// SPDX-License-Identifier: MPL-2.0

package still

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCompareSeesEachKindOfChange(t *testing.T) {
	changes := map[string]func(name string) error{
		"nothing": func(string) error { return nil },
		"bytes":   func(name string) error { return os.WriteFile(name, []byte("abd"), 0o600) },
		"a time":  func(name string) error { return os.Chtimes(name, time.Time{}, time.Unix(1, 0)) },
		"a mode":  func(name string) error { return os.Chmod(name, 0o644) },
		"a name":  func(name string) error { return os.Rename(name, name+"2") },
		"a file":  func(name string) error { return os.WriteFile(name+"2", nil, 0o600) },
	}
	for what, change := range changes {
		dir := t.TempDir()
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := Of(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(name); err != nil {
			t.Fatal(err)
		}
		after, err := Of(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := before.Compare(after); (len(diff) == 0) != (what == "nothing") {
			t.Errorf("%s: %q", what, diff)
		}
	}
}
