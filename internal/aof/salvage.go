// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Salvage is the rows of a data file that LMDB may not be trusted with: every
// row that lies where a leaf page could be and whose checksum fits, of whatever
// age. A page that was freed keeps its rows until it is used again, so there
// may be older versions among them; the newest was chosen if that can be
// told. Nothing of it is proven: the caller verifies it under signed heads.
type Salvage struct {
	Logs map[digest.Hash]LogRow
	Rows map[Bucket]map[string][]byte // small rows of which there are few, by bucket and key
	// Clear reports that secrets lie in the clear in the file, though the store has a key.
	Clear bool

	f      durable.File
	key    *identity.StoreKey
	size   int64
	chunks map[uint32][]chunkAt // by log number, ordered by first sequence
}

type chunkAt struct {
	first uint64
	count int
	off   int64
	bytes int
}

// maxChunkRead bounds one chunk: a record of the largest size, and its header.
const maxChunkRead = 17 << 20

// OpenSalvage reads what it can of the data file in dir, which nobody has open. key
// opens the rows of secrets.
func OpenSalvage(dir string, key *identity.StoreKey) (*Salvage, error) {
	f, err := durable.OS.Open(filepath.Join(dir, dataFile), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	s := &Salvage{f: f, key: key, Logs: map[digest.Hash]LogRow{}, Rows: map[Bucket]map[string][]byte{}, chunks: map[uint32][]chunkAt{}}
	if s.size, err = f.Size(); err == nil {
		err = s.scan(s.pageSize())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for _, list := range s.chunks {
		slices.SortFunc(list, func(a, b chunkAt) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.count, a.count)) })
	}
	return s, nil
}

// Close closes the file.
func (s *Salvage) Close() error { return s.f.Close() }

// pageSize is what a meta page that can be read says, or the usual one.
func (s *Salvage) pageSize() int {
	buf := make([]byte, pageHeader+metaBytes)
	if _, err := s.f.ReadAt(buf, 0); err == nil {
		if m, err := parseMeta(0, buf); err == nil {
			return int(m.free.pad)
		}
	}
	return max(minPageBytes, min(os.Getpagesize(), maxPageBytes))
}

func (s *Salvage) scan(psize int) error {
	page := make([]byte, psize)
	for off := int64(0); off < s.size; off += int64(psize) {
		n, err := s.f.ReadAt(page, off)
		if err != nil && !errors.Is(err, io.EOF) {
			continue // a page that the disk cannot read is damage, too
		}
		clear(page[n:])
		if native.Uint16(page[10:]) == pageLeaf {
			s.leaf(page, off, psize)
		}
	}
	return nil
}

// leaf looks at each node that a leaf page points to, by itself.
func (s *Salvage) leaf(page []byte, off int64, psize int) {
	lower := min(int(native.Uint16(page[12:])), len(page))
	for i := pageHeader; i+2 <= lower; i += 2 {
		at := int(native.Uint16(page[i:]))
		if at < pageHeader || at > len(page)-nodeHeader {
			continue
		}
		n, ok := parseNode(page[at:], true)
		if !ok {
			continue
		}
		from, size := off+int64(at+nodeHeader+len(n.key)), int64(n.dataSize)
		if n.flags&nodeBig != 0 {
			from = int64(native.Uint64(n.data))*int64(psize) + pageHeader
		}
		if size > 0 && size <= maxChunkRead && from > 0 && from+size <= s.size {
			s.node(n.key, from, int(size))
		}
	}
}

// node takes a value if it is one of ours.
func (s *Salvage) node(key []byte, off int64, size int) {
	value := make([]byte, size)
	if n, err := s.f.ReadAt(value, off); n < size || err != nil && !errors.Is(err, io.EOF) {
		return
	}
	switch len(key) {
	case 4:
		if r, err := decodeLogRow(key, value); err == nil && newer(r, s.Logs[r.ID]) {
			s.Logs[r.ID] = r
		}
	case chunkKeyBytes:
		if c, err := decodeChunk(key, value); err == nil {
			s.chunks[c.num] = append(s.chunks[c.num], chunkAt{c.first, c.count, off, size})
		}
	}
	for _, b := range salvaged {
		if v, err := openRow(b, key, value); err == nil {
			if v, err = s.open(b, key, v); err == nil {
				s.small(b, string(key), v)
			}
		}
	}
}

// open returns the value of a row. Which version the file has may not be known any
// more: in an earlier one, secrets lay in the clear.
func (s *Salvage) open(b Bucket, key, lies []byte) ([]byte, error) {
	k := sealedKind(b, key)
	if k == nil || s.key == nil {
		return lies, nil
	}
	value, err := openSealed(k, s.key, key, lies)
	if err != nil && k.Check(key, lies) == nil {
		s.Clear = true
		return lies, nil
	}
	return value, err
}

// salvaged are the buckets whose rows are read. Ranges and event ids can be any
// number, and are fetched or made again.
var salvaged = []Bucket{Topics, Peers, Cursors, Meta}

// small takes a small row, unless there is a newer one under its key.
func (s *Salvage) small(b Bucket, key string, value []byte) {
	rows := s.Rows[b]
	if rows == nil {
		rows = map[string][]byte{}
		s.Rows[b] = rows
	}
	kind := layout.KindOf(b.String(), []byte(key))
	if have, ok := rows[key]; !ok || kind != nil && kind.Newer([]byte(key), value, have) {
		rows[key] = bytes.Clone(value)
	}
}

// newer tells which of two rows of a log was written later: no size of a log
// ever shrinks.
func newer(a, b LogRow) bool {
	return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.SealedPages, b.SealedPages), cmp.Compare(a.HeadSize, b.HeadSize)) >= 0
}

// Events calls fn with the events of a log from a sequence on, in order and
// without a gap, as far as they can be found.
func (s *Salvage) Events(num uint32, from uint64, fn func(first uint64, count int, records []byte) error) error {
	for _, at := range s.chunks[num] {
		if at.first > from {
			return nil
		}
		if at.first+uint64(at.count) <= from {
			continue
		}
		value := make([]byte, at.bytes)
		if _, err := s.f.ReadAt(value, at.off); err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		key := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, num), at.first)
		c, err := decodeChunk(key, value)
		if err != nil {
			continue
		}
		part, err := c.cut(from, c.end())
		if err != nil {
			continue
		}
		if err := fn(part.first, part.count, part.records); err != nil {
			return err
		}
		from = part.end()
	}
	return nil
}
