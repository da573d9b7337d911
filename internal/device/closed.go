// SPDX-License-Identifier: MPL-2.0

package device

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// ReadClosed returns how often a store was closed, by CLOSED.
func ReadClosed(fsys durable.FS, dir string) (uint64, error) {
	b, err := fsys.ReadFile(filepath.Join(dir, layout.ClosedName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return layout.ParseClosed(b), err
}

// CountClosing counts one more closing in the transaction.
func CountClosing(t *aof.Txn) (uint64, error) {
	n, _, err := aof.Row(&t.View, layout.Closings, layout.Only{})
	if err != nil {
		return 0, err
	}
	return n + 1, aof.PutRow(t, layout.Closings, layout.Only{}, n+1)
}
