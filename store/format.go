// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// FORMAT is a text file of one line, which also makes a directory a store:
//
//	xaeroflux store <version> page <bytes> segment <pages>
//
// The page size is the default of logs created here; the number of pages in a
// segment file is the same for all logs of the store.
const (
	formatVersion = 1
	formatLine    = "xaeroflux store %d page %d segment %d\n"
)

// ErrFormat is returned for a store of another version or a damaged FORMAT.
var ErrFormat = errors.New("not a store this version can open")

// errNewer tells a FORMAT that is whole, and not ours to judge, from damage.
var errNewer = errors.New("another version")

func isNewer(err error) bool { return errors.Is(err, errNewer) }

type format struct{ version, pageBytes, segmentPages int }

func writeFormat(fs durable.FS, path string, f format) error {
	return fs.WriteFileAtomic(path, fmt.Appendf(nil, formatLine, f.version, f.pageBytes, f.segmentPages), 0o600)
}

func readFormat(fs durable.FS, path string) (format, error) {
	b, err := fs.ReadFile(path)
	if err != nil {
		return format{}, err
	}
	return parseFormat(b)
}

func parseFormat(b []byte) (format, error) {
	var f format
	if _, err := fmt.Sscanf(string(b), formatLine, &f.version, &f.pageBytes, &f.segmentPages); err != nil {
		return f, fmt.Errorf("%w: FORMAT reads %q", ErrFormat, truncated(b, 40))
	}
	if f.version != formatVersion {
		return f, fmt.Errorf("%w: %w: FORMAT has version %d, this program knows %d; use a newer one", ErrFormat, errNewer, f.version, formatVersion)
	}
	if err := segwriter.ValidPageBytes(f.pageBytes); err != nil {
		return f, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if f.segmentPages < 2 {
		return f, fmt.Errorf("%w: FORMAT has %d pages in a segment", ErrFormat, f.segmentPages)
	}
	return f, nil
}

func truncated(b []byte, n int) []byte {
	if len(b) > n {
		return b[:n]
	}
	return b
}
