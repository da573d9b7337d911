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
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// spans is the open file of a log's tier-2 nodes.
type spans struct {
	l    *Log
	file durable.File
	data growMap // of file
	rows []byte  // the writer's, to be used again
}

// A spanCount is how many leading nodes of the file are as they were written.
// It outlives the open file, so that they are counted once.
type spanCount struct {
	mu    sync.Mutex // guards known and n
	known bool
	n     uint64
}

func (s *spans) where() (string, durable.File) { return s.l.mmr, s.file }

func (s *spans) sync() error  { return s.file.Sync() }
func (s *spans) close() error { return errors.Join(s.data.close(), s.file.Close()) }

func (l *Log) openSpans(itemKey) (resource, error) {
	f, err := l.s.fs.Open(l.mmr, l.s.flag, 0)
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
		return nil, directoryGone(filepath.Dir(l.mmr), err)
	}
	return l.loadSpans(f)
}

func (l *Log) loadSpans(f durable.File) (resource, error) {
	l.spanCount.mu.Lock()
	defer l.spanCount.mu.Unlock()
	if err := l.countSpans(f, false); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &spans{l: l, file: f, data: growMap{file: f}}, nil
}

// countSpans counts the nodes of f, if need be again; l.spanCount.mu is held.
func (l *Log) countSpans(f durable.File, again bool) (err error) {
	if c := &l.spanCount; again || !c.known {
		c.n, err = l.validSpans(f, again)
		c.known = err == nil
	}
	return err
}

// validSpans counts the leading nodes. With another header than its own the
// file has none. Of the nodes the newest are compared with their checksums: a
// crash can only have hurt those, and others are compared when they are read.
// If one of them does not hold, or all is asked for, each one is compared.
func (l *Log) validSpans(f durable.File, all bool) (n uint64, err error) {
	head, err := readUpTo(f, mmrHeaderBytes, 0)
	if err != nil || !bytes.Equal(head, l.p.mmrHeader()) {
		return 0, err
	}
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	rows := uint64(max(size-mmrHeaderBytes, 0)) / mmrRowBytes
	if !all && rows > newestSpans {
		if n, err = holdingSpans(f, rows-newestSpans); err != nil || n >= rows {
			return n, err
		}
	}
	return holdingSpans(f, 0)
}

// newestSpans is how many rows are fullCheckBytes.
const newestSpans = fullCheckBytes / mmrRowBytes

// holdingSpans returns the first node from n on whose checksum does not hold.
func holdingSpans(f io.ReaderAt, n uint64) (uint64, error) {
	const rows = 4096
	var sum spanSum
	buf := make([]byte, rows*mmrRowBytes)
	for {
		b, err := readInto(f, buf, spanOffset(n))
		if err != nil {
			return 0, err
		}
		for row := b; len(row) >= mmrRowBytes; row = row[mmrRowBytes:] {
			if binary.LittleEndian.Uint32(row[digest.Size:]) != sum.of(n, row[:digest.Size]) {
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

// A spanSum computes the checksums of rows: of a node's ordinal and hash.
type spanSum struct{ b [8 + digest.Size]byte }

func (s *spanSum) of(ordinal uint64, hash []byte) uint32 {
	binary.LittleEndian.PutUint64(s.b[:], ordinal)
	copy(s.b[8:], hash)
	return crc32.Checksum(s.b[:], castagnoli)
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
	err = it.res.(*spans).write(ordinal, nodes)
	l.wrote(&l.spans, it, dir)
	return err
}

func (s *spans) write(ordinal uint64, nodes []digest.Hash) error {
	c := &s.l.spanCount
	c.mu.Lock()
	defer c.mu.Unlock()
	if ordinal > c.n {
		return fmt.Errorf("%w: node %d of %s, which has %d", ErrGap, ordinal, s.l.mmr, c.n)
	}
	if ordinal == 0 {
		if _, err := s.file.WriteAt(s.l.p.mmrHeader(), 0); err != nil {
			return err
		}
	}
	var sum spanSum
	b := slices.Grow(s.rows[:0], len(nodes)*mmrRowBytes)
	for i := range nodes {
		b = append(b, nodes[i][:]...)
		b = binary.LittleEndian.AppendUint32(b, sum.of(ordinal+uint64(i), b[len(b)-digest.Size:]))
	}
	s.rows = b
	if _, err := s.file.WriteAt(b, spanOffset(ordinal)); err != nil {
		return err
	}
	c.n = max(c.n, ordinal+uint64(len(nodes)))
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
		return s.data.view(spanOffset(ordinal), mmrRowBytes, func(b []byte) error {
			var row [mmrRowBytes]byte
			copy(row[:], b)
			got := new(spanSum).of(ordinal, row[:digest.Size])
			if want := binary.LittleEndian.Uint32(row[digest.Size:]); got != want {
				return flaw(l.mmr, -1, spanOffset(ordinal), "checksum of node %d %08x, want %08x", ordinal, got, want)
			}
			h = digest.Hash(row[:])
			return nil
		})
	})
	return h, missing(l.mmr, err)
}

// SpanNodes returns how many tier-2 nodes there are: all up to the first one
// that is damaged, as it was when they were counted first. No file has none.
func (l *Log) SpanNodes() (uint64, error) { return l.spanNodes(false) }

// SpansPresent counts the tier-2 nodes again, from the file.
func (l *Log) SpansPresent() (uint64, error) { return l.spanNodes(true) }

func (l *Log) spanNodes(again bool) (n uint64, err error) {
	err = l.withSpans(func(s *spans) error {
		l.spanCount.mu.Lock()
		defer l.spanCount.mu.Unlock()
		err := l.countSpans(s.file, again)
		n = l.spanCount.n
		return err
	})
	return n, ignoreMissing(err)
}
