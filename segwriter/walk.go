// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A PageSource gives the pages of a log, checked one by one, as Raw does.
type PageSource interface {
	Page(page uint64) (PageHeader, []byte, error)
}

// Walk reads the first n pages of a log, holds them against one another, and
// calls fn with the compact range of the events of each of them; of a large
// event's pages together. Whether they are the right events only a root can
// tell. The error is a *CorruptError, or fn's.
func Walk(src PageSource, p Params, n uint64, fn func(page uint64, r merkleindex.CompactRange) error) error {
	w := &walker{order: pageOrder{room: p.PageBytes - PageHeaderBytes}, fn: fn}
	for page := range n {
		h, b, err := src.Page(page)
		if err != nil {
			return err
		}
		if err := w.page(page, h, b); err != nil {
			return err
		}
	}
	if w.order.group && w.order.left > 0 {
		return flaw("log "+p.Log.String(), int64(n), -1, "its pages end within event %d", w.order.event)
	}
	return nil
}

type walker struct {
	order pageOrder
	large []byte // what was read of a large event
	fn    func(page uint64, r merkleindex.CompactRange) error
}

func (w *walker) page(page uint64, h PageHeader, b []byte) error {
	misplaced := func(err error) error { return flaw("pages", int64(page), -1, "%s", pageFlaw(err)) }
	if len(b) == 0 {
		if err := w.order.freed(); err != nil {
			return misplaced(err)
		}
		return nil
	}
	if err := w.order.next(h, b); err != nil {
		return misplaced(err)
	}
	switch h.Kind {
	case KindGroup, KindContinuation:
		return w.piece(page, h, b)
	}
	t, err := h.TreeOf(b)
	if err != nil {
		return misplaced(err)
	}
	return w.fn(page, t.Range())
}

// piece takes a page of a large event, whose range is known with the last one.
func (w *walker) piece(page uint64, h PageHeader, b []byte) error {
	if h.Kind == KindGroup {
		w.large = w.large[:0]
	}
	if w.large = append(w.large, h.Records(b)...); w.order.left > 0 {
		return nil
	}
	rec, _, err := event.DecodeRecord(w.large)
	if err != nil {
		return flaw("pages", int64(page), -1, "event %d: %v", h.First, err)
	}
	r := merkleindex.CompactRange{Begin: h.First, End: h.First}
	if err := r.Append(rec.LeafHash(), nil); err != nil {
		return err
	}
	return w.fn(page, r)
}
