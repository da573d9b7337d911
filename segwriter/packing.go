// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A packing says where the pages of a segment lie that was rewritten. The nil
// packing is that of a segment that was not.
type packing struct {
	rewrite   uint32
	pageBytes int64
	ends      []int64 // in the file, of each packed page
	start     int64   // of the first
	base      int64   // of the first slot
}

// newPacking lays out packed pages of those lengths.
func newPacking(pageBytes int, rewrite uint32, lengths []uint32) *packing {
	k := &packing{rewrite: rewrite, pageBytes: int64(pageBytes), ends: make([]int64, len(lengths))}
	k.start = fileHeaderBytes + tableBytes(len(lengths))
	at := k.start
	for i, n := range lengths {
		at += int64(n)
		k.ends[i] = at
	}
	k.base = (at + fileHeaderBytes - 1) / fileHeaderBytes * fileHeaderBytes
	return k
}

func tableBytes(packed int) int64 { return 4*int64(packed) + 4 }

// encodeTable writes the lengths with their checksum.
func encodeTable(lengths []uint32) []byte {
	b := make([]byte, 0, tableBytes(len(lengths)))
	for _, n := range lengths {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readPacking reads the table of a segment whose header was read: nil for none.
// what says that it is not to be believed.
func readPacking(f io.ReaderAt, p *Params, h segHead) (k *packing, what string, err error) {
	if h.packed == 0 {
		return nil, "", nil
	}
	b, err := readUpTo(f, int(tableBytes(int(h.packed))), fileHeaderBytes)
	if err != nil {
		return nil, "", err
	}
	lengths, what := decodeTable(b, int(h.packed), p.PageBytes)
	if what != "" {
		return nil, what, nil
	}
	return newPacking(p.PageBytes, h.rewrite, lengths), "", nil
}

func decodeTable(b []byte, packed, pageBytes int) (lengths []uint32, what string) {
	n := 4 * packed
	if len(b) != n+4 {
		return nil, "the file ends within the table of its packed pages"
	}
	if crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, "the table of its packed pages does not match its checksum"
	}
	for ; n > 0; n, b = n-4, b[4:] {
		length := binary.LittleEndian.Uint32(b)
		if length != 0 && (length < PageHeaderBytes || int64(length) >= int64(maxImageBytes(pageBytes))) {
			return nil, "the table of its packed pages has a page that cannot be"
		}
		lengths = append(lengths, length)
	}
	return lengths, ""
}

// packed returns how many pages are packed.
func (k *packing) packed() int {
	if k == nil {
		return 0
	}
	return len(k.ends)
}

// rewrites returns how often the segment was rewritten.
func (k *packing) rewrites() uint32 {
	if k == nil {
		return 0
	}
	return k.rewrite
}

// span returns where page i lies in the file.
func (p *Params) span(k *packing, i int) (start, end int64) {
	switch {
	case k == nil:
		return p.pageOffset(i), p.pageOffset(i + 1)
	case i >= len(k.ends):
		start = k.base + int64(i-len(k.ends))*k.pageBytes
		return start, start + k.pageBytes
	case i == 0:
		return k.start, k.ends[0]
	}
	return k.ends[i-1], k.ends[i]
}

// alloc returns how long the file is that holds the first n pages.
func (p *Params) alloc(k *packing, n int) int64 {
	if k == nil {
		return p.allocBytes(n)
	}
	if wholeSegments {
		n = p.SegmentPages
	}
	if n <= len(k.ends) {
		return k.base
	}
	start, _ := p.span(k, p.allocPages(n))
	return start
}
