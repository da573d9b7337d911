// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// spans is the open file of a log's tier-2 nodes.
type spans struct {
	l    *Log
	file durable.File

	mu    sync.RWMutex
	count uint64 // leading nodes that are as they were written
}

func (s *spans) sync() error  { return s.file.Sync() }
func (s *spans) close() error { return s.file.Close() }

func (l *Log) openSpans(itemKey) (resource, error) {
	f, err := l.s.fs.Open(l.mmr, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return l.loadSpans(f)
}

func (l *Log) createSpans(key itemKey) (resource, error) {
	res, err := l.openSpans(key)
	if !errors.Is(err, fs.ErrNotExist) {
		return res, err
	}
	if err := l.s.fs.MkdirAll(filepath.Dir(l.mmr), 0o700); err != nil {
		return nil, err
	}
	f, err := l.s.fs.Open(l.mmr, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return l.loadSpans(f)
}

// loadSpans counts the nodes that are there. With another header than its own
// the file has none.
func (l *Log) loadSpans(f durable.File) (resource, error) {
	s := &spans{l: l, file: f}
	head, err := readUpTo(f, mmrHeaderBytes, 0)
	if err == nil && bytes.Equal(head, l.p.mmrHeader()) {
		s.count, err = countSpans(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// countSpans counts the leading nodes whose checksums hold.
func countSpans(f io.ReaderAt) (uint64, error) {
	const rows = 4096
	var n uint64
	for {
		b, err := readUpTo(f, rows*mmrRowBytes, spanOffset(n))
		if err != nil {
			return 0, err
		}
		for row := b; len(row) >= mmrRowBytes; row = row[mmrRowBytes:] {
			if binary.LittleEndian.Uint32(row[digest.Size:]) != spanChecksum(n, row[:digest.Size]) {
				return n, nil
			}
			n++
		}
		if len(b) < rows*mmrRowBytes {
			return n, nil
		}
	}
}

func spanOffset(ordinal uint64) int64 { return mmrHeaderBytes + int64(ordinal)*mmrRowBytes }

func spanChecksum(ordinal uint64, hash []byte) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], ordinal)
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, hash)
}

// WriteSpans writes tier-2 nodes, the first with that ordinal, which may not be
// past the ones that are there: the error is ErrGap. They are durable after
// SyncSpans.
func (l *Log) WriteSpans(ordinal uint64, nodes []digest.Hash) error {
	if err := l.latched(); err != nil || len(nodes) == 0 {
		return err
	}
	l.writing.spans.Lock()
	defer l.writing.spans.Unlock()
	it, err := l.s.cache.acquire(itemKey{l, mmrFile, 0}, l.createSpans)
	if err != nil {
		return err
	}
	defer l.s.cache.release(it)
	dir := ""
	if ordinal == 0 {
		dir = filepath.Dir(l.mmr) // the file may be new
	}
	l.spans.add(l.s.cache, it, dir)
	return it.res.(*spans).write(ordinal, nodes)
}

func (s *spans) write(ordinal uint64, nodes []digest.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ordinal > s.count {
		return fmt.Errorf("%w: node %d of %s, which has %d", ErrGap, ordinal, s.l.mmr, s.count)
	}
	if ordinal == 0 {
		if _, err := s.file.WriteAt(s.l.p.mmrHeader(), 0); err != nil {
			return err
		}
	}
	b := make([]byte, 0, len(nodes)*mmrRowBytes)
	for i := range nodes {
		b = append(b, nodes[i][:]...)
		b = binary.LittleEndian.AppendUint32(b, spanChecksum(ordinal+uint64(i), nodes[i][:]))
	}
	if _, err := s.file.WriteAt(b, spanOffset(ordinal)); err != nil {
		return err
	}
	s.count = max(s.count, ordinal+uint64(len(nodes)))
	return nil
}

// SyncSpans makes all spans written before durable; see SyncPages.
func (l *Log) SyncSpans() error { return l.syncSet(&l.spans) }

// withSpans calls fn with the open file; the error for one that is not there
// is fs.ErrNotExist.
func (l *Log) withSpans(fn func(*spans) error) error {
	it, err := l.s.cache.acquire(itemKey{l, mmrFile, 0}, l.openSpans)
	if err != nil {
		return err
	}
	defer l.s.cache.release(it)
	return fn(it.res.(*spans))
}

// SpanNode returns the tier-2 node of that ordinal. The error is a
// *CorruptError.
func (l *Log) SpanNode(ordinal uint64) (digest.Hash, error) {
	var h digest.Hash
	err := l.withSpans(func(s *spans) error {
		var row [mmrRowBytes]byte
		if _, err := s.file.ReadAt(row[:], spanOffset(ordinal)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		got := spanChecksum(ordinal, row[:digest.Size])
		if want := binary.LittleEndian.Uint32(row[digest.Size:]); got != want {
			return flaw(l.mmr, -1, spanOffset(ordinal), "checksum of node %d %08x, want %08x", ordinal, got, want)
		}
		h = digest.Hash(row[:])
		return nil
	})
	return h, missing(l.mmr, err)
}

// SpanNodes returns how many tier-2 nodes there are: all up to the first one
// that is damaged, as it was when the file was opened. No file has none.
func (l *Log) SpanNodes() (uint64, error) {
	var n uint64
	err := l.withSpans(func(s *spans) error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		n = s.count
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return n, err
}

// SpansPresent counts the tier-2 nodes again, from the file.
func (l *Log) SpansPresent() (uint64, error) {
	var n uint64
	err := l.withSpans(func(s *spans) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		head, err := readUpTo(s.file, mmrHeaderBytes, 0)
		if err == nil && bytes.Equal(head, l.p.mmrHeader()) {
			n, err = countSpans(s.file)
		}
		s.count = n
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return n, err
}
