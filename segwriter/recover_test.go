// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// lookedAt is a file system in which somebody reads just before a file is removed.
type lookedAt struct {
	durable.FS
	look func()
}

func (l *lookedAt) Remove(name string) error {
	if l.look != nil {
		l.look()
	}
	return l.FS.Remove(name)
}

// TestRecoverBesideReaders: what a reader opens while files are removed is not taken for
// the files that are written next, under the same names.
func TestRecoverBesideReaders(t *testing.T) {
	fs := &lookedAt{FS: noSync}
	spans := seal(t, 4096, mixed(t, 1, 150, 4096))
	l := openLog(t, fs, t.TempDir(), testParams(4096, 2), Options{})
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	read := 0
	fs.look = func() {
		for i := range pagesOf(spans) {
			if ref, err := l.Page(i); err == nil {
				ref.Release()
				read++
			}
			if _, err := l.TreeEntry(i); err == nil {
				read++
			}
		}
		_, _ = l.SpanNode(0)
	}
	if err := l.Recover(&Found{}, 0); err != nil {
		t.Fatal(err)
	}
	if fs.look = nil; read == 0 {
		t.Fatal("nothing was read meanwhile")
	}
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
}
