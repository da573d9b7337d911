// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A fitting packs the events that the AOF holds of a log, and compares the pages
// with those that were found past the sealed ones.
type fitting struct {
	row   *aof.LogRow
	files *segwriter.Log
	found *segwriter.Found
	next  int // of found.Beyond
}

// errFits ends the packing early.
var errFits = errors.New("nothing is left to compare")

// compare makes found say of the first page with other events than the AOF's, and
// of those behind it, that they do not follow.
func (f *fitting) compare(v *aof.View) error {
	if len(f.found.Beyond) == 0 || f.row.Size == f.row.SealedSize {
		return nil
	}
	b := segwriter.NewBuilder(int(f.row.PageBytes), f.row.SealedPages, f.row.SealedSize)
	err := v.Events(f.row.Num, f.row.SealedSize, f.row.Size, func(_ uint64, count int, records []byte) error {
		return b.AddRun(records, count, func(index uint64, page []byte, _ segwriter.Seal) error {
			return f.full(index, page)
		})
	})
	if err == nil {
		err = f.open(b)
	}
	if errors.Is(err, errFits) || errors.Is(err, aof.ErrCorrupt) { // an event that cannot be read is found when it is
		return nil
	}
	return err
}

// full compares a page that the AOF fills.
func (f *fitting) full(index uint64, page []byte) error {
	have, err := f.at(index)
	if err == nil && have != nil && !bytes.Equal(have, page) {
		f.end()
		err = errFits
	}
	return err
}

// open compares the page that the AOF's last events begin: one that was found goes
// on with more of them.
func (f *fitting) open(b *segwriter.Builder) error {
	have, err := f.at(b.PageIndex())
	if err != nil || have == nil {
		return err
	}
	h, err := segwriter.ParsePage(have)
	whole := len(b.OpenRecords()) == 0
	if !whole && (err != nil || h.Kind != segwriter.KindRecords || !bytes.HasPrefix(h.Records(have), b.OpenRecords())) {
		f.end()
	}
	return nil
}

// at returns the page found at an index, or nil if none is there.
func (f *fitting) at(index uint64) ([]byte, error) {
	for f.next < len(f.found.Beyond) && f.found.Beyond[f.next].Index < index {
		f.next++
	}
	if f.next == len(f.found.Beyond) || !f.found.Beyond[f.next].Follows {
		return nil, errFits
	}
	if f.found.Beyond[f.next].Index > index {
		return nil, nil
	}
	b, err := f.files.PageAt(index)
	if err == nil && b == nil {
		b = []byte{} // one that an image stands for
	}
	return b, err
}

// end says that nothing follows from here on.
func (f *fitting) end() {
	for i := f.next; i < len(f.found.Beyond); i++ {
		f.found.Beyond[i].Follows = false
	}
}
