// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A logMend mends one log from its first page on. All pages before page are
// sound, and m is the peaks of their events.
type logMend struct {
	r    *repairer
	info struct {
		id, topic digest.Hash
		author    [32]byte
		name      identity.LogName
		own       bool
	}
	raw  *segwriter.Raw
	row  *aof.LogRow // in the AOF that is there; nil if that is made again
	old  *aof.LogRow // in what is left of the earlier one, or nil
	head proof.Head  // the newest that is known and signed

	total  uint64 // pages it has
	page   uint64
	m      mmrindex.Peaks
	marks  []mark // ends of the last pages, oldest first
	mended uint64
	left   bool // it stays as it is: it is ours, events are missing, and that was not accepted
}

// A mark is where a page ends: a log can be cut there.
type mark struct {
	page uint64
	m    mmrindex.Peaks
}

// cutBack is how many pages a log can be cut back beyond the last sound one.
const cutBack = 16

func (r *repairer) newLog(id digest.Hash) (*logMend, bool) {
	l := &logMend{r: r}
	dir := r.path(layout.LogsName, id.String())
	p, onDisk := segwriter.FindParams(r.wire, dir)
	if row, ok := r.rows.logs[id]; ok {
		l.row = &row
		p = segwriter.ParamsOf(row.Name(), r.format.SegmentPages)
	} else if r.rows.old != nil {
		if row, ok := r.rows.old.Logs[id]; ok {
			l.old = &row
			p = segwriter.ParamsOf(row.Name(), r.format.SegmentPages)
			onDisk = true
		}
	}
	if l.row == nil && r.rows.rebuilt == "" {
		return nil, false // files of a log that the AOF does not know are nobody's
	}
	if l.row == nil && !onDisk {
		name, ok := r.rows.knownLog(id)
		if !ok {
			return nil, false
		}
		p = segwriter.ParamsOf(name, r.format.SegmentPages)
	}
	name := p.Name()
	if name.ID() != id {
		r.missing(id, RemedyPeer, "its segments are those of another log: they are left as they are")
		return nil, false
	}
	l.info.id, l.info.topic, l.info.author, l.info.name = id, p.Topic, p.Author, name
	l.info.own = r.rows.author(p.Topic) == p.Author
	l.raw = segwriter.OpenRaw(r.wire, r.dir, p)
	l.head = l.newestHead()
	return l, true
}

// knownLog returns what a log is that follows from a topic alone, if id is one:
// this store's own log, or the roster.
func (s *rows) knownLog(id digest.Hash) (name identity.LogName, ok bool) {
	for _, t := range s.r.topics {
		for _, name := range []identity.LogName{s.ownLog(t), t.Roster()} {
			if name.ID() == id {
				return name, true
			}
		}
	}
	return name, false
}

// newestHead returns the newest head that the rows and the head file know. A
// head file that cannot be read is set aside.
func (l *logMend) newestHead() (best proof.Head) {
	for _, row := range []*aof.LogRow{l.row, l.old} {
		if row != nil && row.HeadSize > 0 {
			if h := row.Head(); h.Verify(l.info.author[:]) == nil && h.Size >= best.Size {
				best = h
			}
		}
	}
	name := filepath.Join(layout.LogsName, l.info.id.String(), layout.HeadName)
	text, err := l.r.wire.ReadFile(filepath.Join(l.r.dir, name))
	if err != nil {
		return best
	}
	h, err := proof.ParseCheckpoint(text, proof.VKey(l.info.author[:], l.info.id))
	if err != nil {
		if err := l.r.files.Move(name); err == nil {
			l.r.done(l.info.id, "its damaged head file set aside")
		}
		return best
	}
	if h.Size > best.Size {
		best = h
	}
	return best
}

// mend brings the log to what can be proven.
func (l *logMend) mend() error {
	var err error
	l.r.behind = l.r.behind || l.row != nil && l.behind()
	if l.total, err = l.pages(); err != nil {
		return err
	}
	whole, err := l.walk(l.total)
	if err != nil {
		return err
	}
	switch {
	case l.row == nil || l.behind() || l.row.Size > 0 && !l.tailSound():
		err = l.resume(whole)
	case !whole:
		err = l.cut()
	}
	if l.mended > 0 {
		l.r.done(l.info.id, "%d pages fetched again", l.mended)
	}
	if err == nil && !l.left { // of pages that are not whole nothing can be derived
		err = errors.Join(l.noteRoot(), l.dropDerived())
	}
	return errors.Join(err, l.tellUnfrozen())
}

// behind reports whether the row is of an earlier time than the log, which is this
// store's own.
func (l *logMend) behind() bool {
	return l.info.own && (l.r.older || max(l.head.Size, l.row.HighWater) > l.row.Size)
}

// noteRoot keeps the root of an own log, whose key may be about to retire.
func (l *logMend) noteRoot() error {
	row, ok := l.r.rows.logs[l.info.id]
	if !ok || !row.Own || l.m.Size() != row.SealedSize || !l.r.o.AcceptLoss {
		return nil
	}
	l.row = &row
	t, err := l.tailHere()
	if err != nil || t.end() != row.Size {
		return err
	}
	m, err := l.with(t)
	l.r.rows.roots[l.info.id] = m.Root()
	return err
}

// pages returns how many pages the log has: what its row says, or what is on
// disk as far as it can be read.
func (l *logMend) pages() (uint64, error) {
	if l.row != nil && !l.behind() {
		return l.row.SealedPages, nil
	}
	n, err := l.raw.Pages()
	for ; err == nil && n > 0; n-- {
		if _, _, err := l.raw.Page(n - 1); err == nil {
			break
		}
	}
	return n, err
}

// walk goes through the pages, and fetches what is not sound. False says that
// it stopped at pages that nobody has.
func (l *logMend) walk(pages uint64) (bool, error) {
	for l.page < pages {
		if err := l.r.ctx.Err(); err != nil {
			return false, err
		}
		err := l.step(pages)
		if err == nil {
			continue
		}
		to := l.soundFrom(pages)
		if why := l.fetchPages(to); l.page < to {
			l.r.missing(l.info.id, remedyFor(why), "pages %d to %d (%v) were not fetched: %v", l.page, to-1, err, why)
			return false, nil
		}
	}
	return true, nil
}

// step takes the next page, or group, if it is sound.
func (l *logMend) step(pages uint64) error {
	h, leaves, err := l.leaves(l.page, pages)
	if err != nil {
		return err
	}
	if h.First != l.m.Size() {
		return fmt.Errorf("page %d begins with event %d, want %d", l.page, h.First, l.m.Size())
	}
	if !l.raw.HeaderSound(l.page) {
		if err := errors.Join(l.keep(l.page), l.raw.MendHeader(l.page)); err != nil {
			return err
		}
		l.r.done(l.info.id, "the header of %s written again", l.raw.SegPath(l.page))
	}
	return l.take(uint64(h.Span), leaves)
}

// leaves reads a page, group or image and returns the compact range of its
// events.
func (l *logMend) leaves(page, pages uint64) (segwriter.PageHeader, merkleindex.CompactRange, error) {
	if h, b, err := l.raw.Page(page); err == nil && h.Kind == segwriter.KindErased && page+uint64(h.Span) <= pages {
		tree, err := h.TreeOf(b)
		if err != nil {
			return h, merkleindex.CompactRange{}, err
		}
		return h, tree.Range(), nil
	}
	records, h, err := l.span(page, pages)
	if err != nil {
		return h, merkleindex.CompactRange{}, err
	}
	leaves, err := leavesOf(records, h.Count)
	return h, rangeFrom(h.First, leaves), err
}

func rangeFrom(first uint64, leaves []digest.Hash) merkleindex.CompactRange {
	b := merkleindex.NewBuilder(first)
	b.AppendAll(leaves)
	return b.Range()
}

// span reads the records of a page or group of which nothing is erased.
func (l *logMend) span(page, pages uint64) ([]byte, segwriter.PageHeader, error) {
	return spanOf(l.raw, page, pages)
}

func spanOf(raw *segwriter.Raw, page, pages uint64) ([]byte, segwriter.PageHeader, error) {
	h, b, err := raw.Page(page)
	if err != nil || h.Kind == segwriter.KindRecords {
		if err != nil {
			return nil, h, err
		}
		return h.Records(b), h, nil
	}
	if h.Kind != segwriter.KindGroup || page+uint64(h.Span) > pages {
		return nil, h, fmt.Errorf("page %d is of an event that begins or ends elsewhere", page)
	}
	group := [][]byte{b}
	for i := 1; i < h.Span; i++ {
		_, b, err := raw.Page(page + uint64(i))
		if err != nil {
			return nil, h, err
		}
		group = append(group, b)
	}
	records, err := segwriter.DecodeGroup(group)
	return records, h, err
}

func leavesOf(records []byte, count int) ([]digest.Hash, error) {
	var leaves []digest.Hash
	for range count {
		rec, n, err := event.DecodeRecord(records)
		if err != nil {
			return nil, err
		}
		leaves, records = append(leaves, rec.LeafHash()), records[n:]
	}
	return leaves, nil
}

// take moves on behind a sound page.
func (l *logMend) take(pages uint64, leaves merkleindex.CompactRange) error {
	if len(l.marks) == cutBack {
		l.marks = l.marks[1:]
	}
	l.marks = append(l.marks, mark{l.page, l.m.Clone()})
	l.page += pages
	return l.m.Merge(leaves, nil)
}

// soundFrom returns the first page behind the damage at which an event begins.
func (l *logMend) soundFrom(pages uint64) uint64 {
	for page := l.page + 1; page < pages; page++ {
		if h, _, err := l.leaves(page, pages); err == nil && h.First > l.m.Size() {
			return page
		}
	}
	return pages
}

// keep sets aside a copy of the segment file that a page is in.
func (l *logMend) keep(page uint64) error {
	name, err := filepath.Rel(l.r.dir, l.raw.SegPath(page))
	if err != nil {
		return err
	}
	return l.r.files.Copy(name)
}

// dropDerived sets trees and mountains aside; opening the store makes them again.
func (l *logMend) dropDerived() error {
	if !l.damaged() {
		return nil
	}
	paths, err := l.raw.Derived()
	for _, path := range paths {
		name, relErr := filepath.Rel(l.r.dir, path)
		err = errors.Join(err, relErr)
		if err == nil {
			err = l.r.files.Move(name)
		}
	}
	if err == nil {
		l.r.done(l.info.id, "trees and mountains are made again from the pages")
	}
	return err
}

// damaged reports whether anything was found that may concern what is derived.
func (l *logMend) damaged() bool {
	if l.mended > 0 || l.row == nil {
		return true
	}
	for _, f := range l.r.report.Found {
		if f.Kind != findings.FlawRange && (f.Log == l.info.id.String() || f.Log == "") {
			return true
		}
	}
	return false
}
