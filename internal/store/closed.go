// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"io/fs"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// readClosed returns how often the store was closed, by CLOSED.
func readClosed(fsys durable.FS, path string) (uint64, error) {
	b, err := fsys.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return layout.ParseClosed(b), err
}

// noteClosed counts one more closing in the transaction.
func noteClosed(t *aof.Txn) (uint64, error) {
	n, _, err := aof.Row(&t.View, layout.Closings, layout.Only{})
	if err != nil {
		return 0, err
	}
	return n + 1, aof.PutRow(t, layout.Closings, layout.Only{}, n+1)
}
