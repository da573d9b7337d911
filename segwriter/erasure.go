// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// An Erasure says what of a log is to be erased: the payloads of the events
// [First, End), or with Wholly their headers too. If two of them meet, Wholly
// wins. An erased event stays so.
type Erasure struct {
	First, End uint64
	Wholly     bool
}

// An erasing is what becomes of one event.
type erasing uint8

const (
	keep erasing = iota
	eraseData
	eraseAll
)

// fateOf returns what erasures make of an event.
func fateOf(list []Erasure, seq uint64) (e erasing) {
	for _, x := range list {
		switch {
		case seq < x.First || seq >= x.End:
		case x.Wholly:
			return eraseAll
		default:
			e = eraseData
		}
	}
	return e
}

// eraseItems returns the items with what list names erased, and whether that
// changes any of them.
func eraseItems(items []Item, list []Erasure) (out []Item, changed bool, err error) {
	for _, it := range items {
		if it.Gone() {
			out = append(out, it)
			continue
		}
		rest := it.Records
		for seq := it.First; seq < it.End(); seq++ {
			rec, n, err := event.DecodeRecord(rest)
			if err != nil {
				return nil, false, err
			}
			one := Item{First: seq, Count: 1, Records: rest[:n:n]}
			switch fate := fateOf(list, seq); {
			case fate == eraseAll:
				one.Records, one.Hashes, changed = nil, []digest.Hash{rec.LeafHash()}, true
			case fate == eraseData && !rec.Erased():
				one.Records, changed = rec.AppendErased(nil), true
			}
			out, rest = append(out, one), rest[n:]
		}
	}
	return out, changed, nil
}

func addItem(t *merkleindex.Sparse, it Item) error {
	if it.Gone() {
		return t.Merge(it.Range())
	}
	for rest := it.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err == nil {
			err = t.Append(rec.LeafHash())
		}
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// TreeOf returns the tree of a page of records or of an image, of which nodes
// below erased ranges are not known.
func (h PageHeader) TreeOf(b []byte) (*merkleindex.Sparse, error) {
	t := merkleindex.NewSparse(h.First)
	return t, h.EachItem(b, func(it Item) error { return addItem(t, it) })
}
