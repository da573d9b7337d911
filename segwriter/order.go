// SPDX-License-Identifier: MPL-2.0

package segwriter

import "github.com/xaeroflux/xaeroflux/event"

// pageOrder follows pages one after another: their indices, their sequences,
// and the large events that run over several of them.
type pageOrder struct {
	index uint64 // of the next page
	room  int    // of a page
	lost  bool   // nothing is known of the page before
	seq   uint64 // that the next page begins with, unless it continues

	group bool   // the next page may continue the event
	event uint64 // that sequence
	place int    // of the last page in its group
	left  int    // bytes of it to come; -1 if it began before the first page seen

	stands int // pages to come that the image of a group stands for
}

// skip passes over a page that cannot be read.
func (o *pageOrder) skip() { *o = pageOrder{index: o.index + 1, room: o.room, lost: true} }

// next takes the next page. The error is a *PageError that says what does not
// fit the earlier pages.
func (o *pageOrder) next(h PageHeader, page []byte) error {
	if err := o.fits(h); err != nil {
		o.skip()
		return err
	}
	o.index++
	if h.Kind == KindContinuation {
		o.follow(h)
		return nil
	}
	*o = pageOrder{index: o.index, room: o.room, seq: h.End()}
	if h.Kind == KindErased {
		o.stands = h.Span - 1
	}
	if h.Kind == KindGroup {
		n, err := event.RecordLen(h.Records(page))
		o.group, o.event, o.left = true, h.First, n-h.Used
		return err
	}
	return nil
}

// freed takes a page without bytes.
func (o *pageOrder) freed() error {
	if !o.lost && o.stands == 0 {
		o.skip()
		return badPage("it has no bytes, and no image before stands for it")
	}
	o.index, o.stands = o.index+1, max(o.stands-1, 0)
	return nil
}

// follow takes a page that continues an event.
func (o *pageOrder) follow(h PageHeader) {
	if o.lost {
		o.lost, o.event, o.left = false, h.First, -1
	}
	o.place, o.seq = h.Span, h.End()
	if o.left >= 0 {
		o.left -= h.Used
		o.group = o.left > 0
	} else {
		o.group = h.Used == o.room
	}
}

func (o *pageOrder) fits(h PageHeader) error {
	switch {
	case h.Index != o.index:
		return badPage("it is page %d", h.Index)
	case o.lost:
		return nil
	case o.stands > 0:
		return badPage("the image before stands for it, and it has bytes")
	case h.Kind == KindContinuation:
		if !o.group || h.First != o.event || h.Span != o.place+1 {
			return badPage("it is number %d of event %d, which does not follow the page before", h.Span, h.First)
		}
		if o.left >= 0 && h.Used != min(o.left, o.room) {
			return badPage("%d bytes used, of event %d there are %d to come", h.Used, h.First, o.left)
		}
		return nil
	case o.group && o.left > 0:
		return badPage("event %d ends early, with %d bytes to come", o.event, o.left)
	case h.First != o.seq:
		return badPage("it begins with event %d, want %d", h.First, o.seq)
	}
	return nil
}
