// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// The entries of a segment's first pages and the nodes of those lie behind the
// header, in its block of the disk: for most logs that are small there is no other.
// Entries and nodes of later pages have places of their own, as if all were there.
const (
	treeHeaderBytes = treeHeaderEnd + 4
	nearEntries     = 16
	nearNodesOffset = treeHeaderBytes + nearEntries*entryBytes
	nearNodes       = (fileHeaderBytes - nearNodesOffset) / digest.Size
)

// nodesOffset returns where the nodes begin that are not near the header.
func (p *Params) nodesOffset() int64 {
	return fileHeaderBytes + entryBytes*int64(p.SegmentPages)
}

// entryOffset returns where the entry of page i lies in a .tree file.
func (p *Params) entryOffset(i int) int64 {
	if i < nearEntries {
		return treeHeaderBytes + entryBytes*int64(i)
	}
	return fileHeaderBytes + entryBytes*int64(i)
}

// nodeOffset returns where the nodes of a page begin, together, of which the first
// has that place among those of the segment.
func (p *Params) nodeOffset(start, nodes int) int64 {
	if start+nodes <= nearNodes {
		return nearNodesOffset + digest.Size*int64(start)
	}
	return p.nodesOffset() + digest.Size*int64(start)
}

// treeBytes returns how long a .tree file with so many nodes is.
func (p *Params) treeBytes(nodes int) int64 {
	if nodes <= nearNodes {
		return p.nodesOffset()
	}
	return p.nodesOffset() + digest.Size*int64(nodes)
}

// nearBytes returns how many bytes of entries lie near the header.
func (p *Params) nearBytes() int { return min(nearEntries, p.SegmentPages) * entryBytes }

// table returns the entries of all pages, in the memory of the first nodesOffset
// bytes of a .tree file, and what is wrong with the places that have none.
func (p *Params) table(b []byte) (table []byte, what string) {
	near := p.nearBytes()
	table = b[fileHeaderBytes:][:entryBytes*p.SegmentPages]
	if !allZero(b[treeHeaderBytes+near:nearNodesOffset]) || !allZero(table[:near]) {
		what = "bytes where no entry lies"
	}
	copy(table, b[treeHeaderBytes:][:near])
	return table, what
}

// bareTree returns the beginning of a .tree file without entries, up to the places
// of those that are not near.
func (p *Params) bareTree(index uint64, h treeHead) []byte {
	b := make([]byte, fileHeaderBytes+p.nearBytes())
	copy(b, p.treeHeader(index, h))
	return b
}

// clearNear clears the room behind the near nodes, of which there are so many.
func clearNear(f durable.File, nodes int) error {
	at := nearNodesOffset + digest.Size*nodes
	b, err := readUpTo(f, fileHeaderBytes-at, int64(at))
	if err == nil && !allZero(b) {
		clear(b)
		_, err = f.WriteAt(b, int64(at))
	}
	return err
}

// writeEntries writes entries of pages that follow one another, from page i on.
func (p *Params) writeEntries(f durable.File, i int, rows []byte) error {
	near := min(max(nearEntries-i, 0)*entryBytes, len(rows))
	for _, part := range []struct {
		i    int
		rows []byte
	}{{i, rows[:near]}, {i + near/entryBytes, rows[near:]}} {
		if len(part.rows) == 0 {
			continue
		}
		if _, err := f.WriteAt(part.rows, p.entryOffset(part.i)); err != nil {
			return err
		}
	}
	return nil
}
