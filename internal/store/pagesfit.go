// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Pages of a peer are written in place of the open page. They were verified
// behind what was held when their transfer began; by now events of another
// history may be there, if the author forked the log. So they are held
// against what the stage has packed, to the byte, before anything is written.

// fit returns the part of p that begins with the open page of st. The error is
// ErrHistory if p is of another history, or that is not known yet.
func (g *Segmenter) fit(st *openPage, p *messages.Pages) (*messages.Pages, error) {
	cut, err := p.From(st.b.First(), st.l.PageBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: log %s: %w", ErrOtherHistory, p.Log.Short(), err)
	}
	here, err := g.rootAtOpen(st)
	if err != nil {
		return nil, err
	}
	left, err := mmrindex.New(p.First(), p.Proven.Left)
	if err != nil {
		return nil, fmt.Errorf("%w: log %s: %w", ErrOtherHistory, p.Log.Short(), err)
	}
	there, err := rootBehind(left, p.Leaves[:len(p.Leaves)-len(cut.Leaves)])
	if err != nil {
		return nil, err
	}
	if here != there || !holds(cut, st.b.OpenRecords(), st.l.PageBytes) {
		return nil, fmt.Errorf("%w: log %s: pages from %d do not continue what is here", ErrOtherHistory, p.Log.Short(), cut.First())
	}
	return cut, nil
}

// rootAtOpen returns the root of what is before the open page.
func (g *Segmenter) rootAtOpen(st *openPage) (digest.Hash, error) {
	first := st.b.First()
	switch p := st.l.Whole(); {
	case first == 0:
		return digest.Empty, nil
	case st.known.size == first:
		return st.known.root, nil
	case p.Size < first:
		return digest.Hash{}, fmt.Errorf("%w: log %s: its events up to %d have no root yet", ErrOtherHistory, st.l.ID.Short(), first)
	}
	m, err := g.s.PeaksAt(st.l, first)
	return m.Root(), err
}

// holds reports whether the first page begins with those records.
func holds(p *messages.Pages, records []byte, pageBytes int) bool {
	if len(records) == 0 {
		return true
	}
	page := p.Bytes[:pageBytes]
	h, err := segwriter.ParsePage(page)
	return err == nil && h.Kind == segwriter.KindRecords && bytes.HasPrefix(h.Records(page), records)
}

// follows checks that committed events of a peer continue what the stage packed:
// pages of another history may be here that are not committed. They give way,
// because ErrGap makes all stages take the log up anew from what is committed.
func (st *openPage) follows(b *messages.Batch) error {
	next := st.b.Next()
	if b.Remote == nil || st.known.size != next || next == 0 {
		return nil
	}
	there, err := rootWithin(&messages.Append{First: b.First, Leaves: b.Leaves, Remote: b.Remote}, next)
	if err == nil && there != st.known.root {
		err = fmt.Errorf("%w: log %s: pages that are not committed are of another history", ErrGap, b.Log.Short())
	}
	return err
}

// shadowed reports whether events are committed behind pages that are to be
// sealed, under another head: the events hold, and the pages are lost.
func shadowed(row *aof.LogRow, m *messages.Sealed) bool {
	return m.Remote != nil && m.Size < row.Size && m.Remote.Head != row.Head()
}
