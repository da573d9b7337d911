// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// ErrFormat is returned for a store of another version or a damaged FORMAT.
var ErrFormat = layout.ErrFormat

// Both say the same.
var _ [segwriter.MaxSegmentPages]struct{} = [layout.MaxSegmentPages]struct{}{}

func isNewer(err error) bool { return errors.Is(err, layout.ErrNewer) }

func writeFormat(fs durable.FS, path string, f layout.Format) error {
	return fs.WriteFileAtomic(path, f.Encode(), 0o600)
}

func readFormat(fs durable.FS, path string) (layout.Format, error) {
	b, err := fs.ReadFile(path)
	if err != nil {
		return layout.Format{}, err
	}
	return layout.ParseFormat(b)
}
