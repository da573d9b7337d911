// SPDX-License-Identifier: MPL-2.0

// Package device is what a store says of itself: FORMAT and CLOSED, the generation
// that its keys derive from, the place that its data lies in, and the step from one
// device to the next.
//
// Rule: it knows these files and rows, and nothing of pages. It opens nothing, and
// writes what it is told to.
package device

import (
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// ReadFormat reads FORMAT of a store; what is sealed in it is opened by Format.Open. The error is layout.ErrFormat for a damaged
// one, or one of another version, or the file system's.
func ReadFormat(fs durable.FS, dir string) (layout.Format, error) {
	b, err := fs.ReadFile(filepath.Join(dir, layout.FormatName))
	if err != nil {
		return layout.Format{}, err
	}
	return layout.ParseFormat(b)
}

// WriteFormat writes FORMAT of a store that has this key.
func WriteFormat(fs durable.FS, dir string, f layout.Format, key *identity.StoreKey) error {
	return fs.WriteFileAtomic(filepath.Join(dir, layout.FormatName), f.Encode(key), 0o600)
}
