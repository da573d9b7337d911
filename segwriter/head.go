// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"
	"path/filepath"
)

// maxHeadBytes bounds the text of a checkpoint.
const maxHeadBytes = 64 << 10

// WriteHead replaces the checkpoint kept with the pages, of which there must be
// some; it is durable when WriteHead returns.
func (l *Log) WriteHead(text []byte) error {
	if len(text) > maxHeadBytes {
		return fmt.Errorf("%w: a checkpoint of %d bytes, limit %d", ErrParams, len(text), maxHeadBytes)
	}
	return directoryGone(l.dir, l.s.fs.WriteFileAtomic(filepath.Join(l.dir, "head"), text, 0o600))
}

// ReadHead returns what WriteHead wrote last. The error for none is
// fs.ErrNotExist. Its signature is the caller's to verify.
func (l *Log) ReadHead() ([]byte, error) {
	path := filepath.Join(l.dir, "head")
	info, err := l.s.fs.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxHeadBytes {
		return nil, flaw(path, -1, -1, "%d bytes, limit %d", info.Size(), maxHeadBytes)
	}
	return l.s.fs.ReadFile(path)
}
