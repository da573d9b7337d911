// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"github.com/xaeroflux/xaeroflux/event"
)

// DecodeGroup joins the pages of a large event and returns its record, the
// caller's own. The error is a *PageError.
func DecodeGroup(pages [][]byte) ([]byte, error) {
	if len(pages) == 0 {
		return nil, badPage("a group of no pages")
	}
	first, err := ParsePage(pages[0])
	if err != nil {
		return nil, err
	}
	if first.Kind != KindGroup || first.Span != len(pages) {
		return nil, badPage("kind %d of %d pages begins a group of %d", first.Kind, first.Span, len(pages))
	}
	room := len(pages[0]) - PageHeaderBytes
	n, err := event.RecordLen(first.Records(pages[0]))
	if err != nil {
		return nil, badPage("%v", err)
	}
	record := append(make([]byte, 0, n), first.Records(pages[0])...)
	for i, page := range pages[1:] {
		h, err := ParsePage(page)
		if err != nil {
			return nil, err
		}
		if len(page) != len(pages[0]) || !h.continues(first, i+1, min(n-len(record), room)) {
			return nil, badPage("page %d does not continue the event %d from page %d", h.Index, first.First, first.Index)
		}
		record = append(record, h.Records(page)...)
	}
	return record, nil
}

// continues reports whether h is the page in that place of first's group and
// holds the bytes that it should.
func (h PageHeader) continues(first PageHeader, place, used int) bool {
	return h.Kind == KindContinuation && h.Span == place && h.Used == used &&
		h.First == first.First && h.Index == first.Index+uint64(place)
}
