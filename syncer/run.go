// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// parse decodes a run of pages, in order and complete, packed as they must be.
func (t *Transfer) parse(m *messages.PageResponse, pages []byte) ([]*span, error) {
	var spans []*span
	if int64(len(pages)) != m.PagesLen() {
		return nil, t.badPage(t.page, errors.New("the run is not as long as it says"))
	}
	before, page, next, ms := t.held, t.page, t.next, t.time
	images, imageAt := m.Images, imagePage(t.page, m.Images)
	for len(pages) > 0 {
		var s *span
		var err error
		if len(images) > 0 && page == imageAt {
			s, err = t.parseImage(pages, images[0], page, next, ms)
			images, imageAt = images[1:], imagePage(page+uint64(images[0].Pages), images[1:])
		} else {
			s, err = t.parseSpan(pages[:t.pagesBytes(pages, page, imageAt, len(images) > 0)], page, next, ms)
		}
		if err != nil {
			return nil, err
		}
		if err := t.follows(before, s); err != nil {
			return nil, err
		}
		spans = append(spans, s)
		before, page, next, ms = s, page+uint64(s.seal.Pages), s.seal.End(), s.judged.time
		pages = pages[len(s.bytes):]
	}
	return spans, nil
}

// imagePage returns the page that the first of images stands for, if page
// follows the image before.
func imagePage(page uint64, images []messages.RunImage) uint64 {
	if len(images) == 0 {
		return 0
	}
	return page + uint64(images[0].Skip)
}

// pagesBytes returns how many of the bytes from a page on are full pages.
func (t *Transfer) pagesBytes(pages []byte, page, imageAt uint64, more bool) int {
	if !more {
		return len(pages)
	}
	return int(min(uint64(len(pages)), (imageAt-page)*uint64(t.info.PageBytes)))
}

// badPage blames the sender of a page.
func (t *Transfer) badPage(page uint64, err error) error {
	return violation(messages.CodeBadPage, "log %s page %d: %v", t.info.Log.Short(), page, err)
}

// parseImage decodes the image that bytes begin with.
func (t *Transfer) parseImage(bytes []byte, i messages.RunImage, page, next uint64, before int64) (*span, error) {
	if uint64(i.Bytes) > uint64(len(bytes)) {
		return nil, t.badPage(page, errors.New("the run ends within its image"))
	}
	bytes = bytes[:i.Bytes]
	h, err := segwriter.ParseImage(bytes, int(t.info.PageBytes))
	if err != nil {
		return nil, t.badPage(page, err)
	}
	if h.Index != page || h.First != next || h.Span != int(i.Pages) {
		return nil, violation(messages.CodeBadPage, "log %s: an image of %d pages from %d with events from %d, want %d pages from %d with events from %d",
			t.info.Log.Short(), h.Span, h.Index, h.First, i.Pages, page, next)
	}
	s := &span{seal: messages.Seal{Page: page, Pages: h.Span, First: next, Count: h.Count}, image: true, bytes: bytes}
	s.judged = judgement{rules: t.info.rules(), first: next, time: before}
	if err := s.hashImage(h); err != nil {
		return nil, t.badPage(page, err)
	}
	return s, nil
}

// parseSpan decodes the page or the group that pages begin with.
func (t *Transfer) parseSpan(pages []byte, page, next uint64, before int64) (*span, error) {
	size := int(t.info.PageBytes)
	bad := func(err error) error { return t.badPage(page, err) }
	if len(pages) < size {
		return nil, bad(errors.New("the run ends within it"))
	}
	h, err := segwriter.ParsePage(pages[:size])
	if err != nil {
		return nil, bad(err)
	}
	if h.Kind == segwriter.KindContinuation || h.Index != page || h.First != next || h.Count == 0 || h.Span > len(pages)/size {
		return nil, violation(messages.CodeBadPage, "log %s: page %d of kind %d with %d events from %d over %d pages, want page %d from event %d",
			t.info.Log.Short(), h.Index, h.Kind, h.Count, h.First, h.Span, page, next)
	}
	s := &span{
		seal:  messages.Seal{Page: page, Pages: h.Span, First: next, Count: h.Count},
		bytes: pages[:h.Span*size], judged: judgement{rules: t.info.rules(), first: next, time: before},
	}
	records, err := s.recordsOf(h, size)
	if err != nil {
		return nil, bad(err)
	}
	if err := s.hash(records, t.tree); err != nil {
		return nil, bad(err)
	}
	return s, nil
}

// follows checks that a span begins where the packing rule begins a page: its
// first record did not fit behind the ones before. Of what is wholly erased no
// length is known, and nothing can be said.
func (t *Transfer) follows(before, s *span) error {
	if s.first == 0 {
		return nil
	}
	p := segwriter.NewPacker(int(t.info.PageBytes))
	if _, group := p.Add(s.first); group != 0 && group != s.seal.Pages || group == 0 && s.seal.Pages != 1 {
		return violation(messages.CodeBadPage, "log %s page %d: a record of %d bytes over %d pages", t.info.Log.Short(), s.seal.Page, s.first, s.seal.Pages)
	}
	if before == nil || before.seal.Pages > 1 || before.used == 0 {
		return nil
	}
	room := int(t.info.PageBytes) - segwriter.PageHeaderBytes
	if before.used+s.first <= room {
		return violation(messages.CodeBadPage, "log %s page %d: its first record of %d bytes fits in the page before", t.info.Log.Short(), s.seal.Page, s.first)
	}
	return nil
}
