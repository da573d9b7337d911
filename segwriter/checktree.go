// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A treeChecker holds a .tree file against the pages it is of.
type treeChecker struct {
	c     *checker
	path  string
	file  durable.File
	table []byte // nil once nothing more can be compared
	first uint64 // sequence, as the header says
	start int    // node that the next page begins with
	near  int    // nodes that lie near the header
}

// begin reads header and table.
func (t *treeChecker) begin() error {
	r := &t.c.report
	b, err := readUpTo(t.file, int(r.nodesOffset()), 0)
	if err != nil {
		return err
	}
	p, index, h, what := parseTreeHeader(b)
	p.Topic, p.Author = r.Topic, r.Author
	switch {
	case what != "":
	case p != r.Params || index != r.Segment:
		what = fmt.Sprintf("it belongs to segment %d of log %s", index, p.Log)
	case h.rewrite != r.Rewrite:
		what = fmt.Sprintf("it is of rewrite %d, the segment of %d", h.rewrite, r.Rewrite)
	case len(b) < int(r.nodesOffset()):
		what = "the file ends within its table"
	default:
		if t.table, what = r.table(b); what == "" {
			t.first = h.first
			return nil
		}
		t.table = nil
	}
	t.c.flaw(t.path, -1, 0, "%s", what)
	return nil
}

// page compares the entry of page i with the tree computed from the page; nil
// if the page is damaged.
func (t *treeChecker) page(i int, number int64, want *Tree) error {
	if t == nil || t.table == nil {
		return nil
	}
	r := &t.c.report
	row := t.table[i*entryBytes : (i+1)*entryBytes]
	if allZero(row) {
		return nil
	}
	e, off := decodeEntry(row), r.entryOffset(i)
	what := ""
	switch {
	case r.Trees < i:
		what = "an entry after a page without one"
	case !e.valid(r.PageBytes) || int64(e.start) != int64(t.start) || i == 0 && e.first != t.first:
		what = fmt.Sprintf("the entry says %d events from %d, nodes from %d, flags %#x", e.count, e.first, e.start, e.flags)
	case want != nil && (e.first != want.First || int(e.count) != want.Count):
		what = fmt.Sprintf("the entry says %d events from %d, the page has %d from %d", e.count, e.first, want.Count, want.First)
	}
	if what != "" {
		t.c.flaw(t.path, number, off, "%s", what)
		t.table = nil // where the next page's nodes begin is unknown
		return nil
	}
	r.Trees, r.Nodes, t.start = r.Trees+1, r.Nodes+uint64(e.nodes()), t.start+e.nodes()
	if t.start <= nearNodes {
		t.near = t.start
	}
	return t.nodes(e, row, number, want)
}

// nodes compares checksum and nodes of an entry.
func (t *treeChecker) nodes(e rawEntry, row []byte, number int64, want *Tree) error {
	off := t.c.report.nodeOffset(int(e.start), e.nodes())
	b, err := readUpTo(t.file, digest.Size*e.nodes(), off)
	if err != nil {
		return err
	}
	if len(b) < digest.Size*e.nodes() {
		t.c.flaw(t.path, number, off, "the file ends within the nodes of the page")
		return nil
	}
	if got := entryChecksum(row, b); got != e.crc {
		t.c.flaw(t.path, number, off, "checksum of its entry and %d nodes %08x, want %08x", e.nodes(), got, e.crc)
	}
	for k := 0; want != nil && k < len(want.Nodes); k++ {
		if got := digest.Hash(b[k*digest.Size:]); got != want.Nodes[k] {
			t.c.flaw(t.path, number, off+int64(k)*digest.Size, "node %d is %s, its events give %s", k, got.Short(), want.Nodes[k].Short())
			return nil
		}
	}
	return nil
}

// finish looks at what is left of the file after the last page.
func (t *treeChecker) finish() error {
	if t.table == nil {
		return nil
	}
	r := &t.c.report
	if !allZero(t.table[r.Pages*entryBytes:]) {
		t.c.flaw(t.path, -1, r.entryOffset(r.Pages), "an entry for a page that was not written")
	}
	size, err := t.file.Size()
	if want := r.treeBytes(t.start); err == nil && size != want {
		t.c.flaw(t.path, -1, want, "the file ends at %d, its nodes here", size)
	}
	return errors.Join(err, t.gap(nearNodesOffset+digest.Size*int64(t.near), fileHeaderBytes), t.gap(r.nodesOffset(), r.nodesOffset()+digest.Size*int64(t.near)))
}

// gap looks at a part of the file in which nothing lies.
func (t *treeChecker) gap(from, to int64) error {
	b, err := readUpTo(t.file, int(to-from), from)
	if err == nil && !allZero(b) {
		t.c.flaw(t.path, -1, from, "bytes where no node lies")
	}
	return err
}
