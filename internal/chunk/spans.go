// SPDX-License-Identifier: MPL-2.0

package chunk

import "github.com/xaeroflux/xaeroflux/syncer"

// Held returns what is held of a log in order: a prefix of size events, and the
// spans of ranges, in order, some of which the prefix may have reached. Spans
// that touch are one.
func Held(size uint64, ranges []syncer.Span) (all []syncer.Span) {
	if size > 0 {
		all = append(all, syncer.Span{End: size})
	}
	for _, r := range ranges {
		switch last := len(all) - 1; {
		case r.End <= size:
		case last >= 0 && r.First <= all[last].End:
			all[last].End = max(all[last].End, r.End)
		default:
			all = append(all, r)
		}
	}
	return all
}

// Gaps returns the parts of a span that are not held. The held ones are in order.
func Gaps(held []syncer.Span, part syncer.Span) (gaps []syncer.Span) {
	for _, h := range held {
		if h.End <= part.First {
			continue
		}
		if end := min(h.First, part.End); end > part.First {
			gaps = append(gaps, syncer.Span{First: part.First, End: end})
		}
		part.First = h.End
	}
	if part.First < part.End {
		gaps = append(gaps, part)
	}
	return gaps
}

// Clip returns the part of ordered spans below end.
func Clip(spans []syncer.Span, end uint64) []syncer.Span {
	for i, s := range spans {
		if s.End <= end {
			continue
		}
		spans = spans[:i:i]
		if s.First < end {
			spans = append(spans, syncer.Span{First: s.First, End: end})
		}
		break
	}
	return spans
}
