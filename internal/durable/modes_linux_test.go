// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"io/fs"
	"os"
	"testing"
)

func TestKeepsModes(t *testing.T) {
	for _, c := range []struct {
		kind uint32
		mode fs.FileMode
		want bool
	}{
		{0xef53, 0o755, true},      // ext4
		{0x4d44, 0o755, false},     // FAT
		{0x4d44, 0o644, false},     // FAT with fmask
		{0x2011bab0, 0o755, false}, // exFAT
		{0x65735546, 0o777, false}, // FUSE, mounted without modes
		{0x65735546, 0o644, true},  // FUSE with modes
		{0xff534d42, 0o755, false}, // CIFS
	} {
		if got := keepsModes(c.kind, c.mode); got != c.want {
			t.Errorf("%#x with mode %o: %v", c.kind, c.mode, got)
		}
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if keeps, err := KeepsModes(f); err != nil || !keeps {
		t.Errorf("here: %v, %v", keeps, err)
	}
}
