// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A Batch is what the steward appends in one step: Boxes to the leg's log of boxes,
// then, in one commit, Records to the roster. All have one time.
type Batch struct {
	Epoch    *EpochSecret // of the epoch in Records; to be kept before anything is appended
	FirstBox uint64       // sequence of the first of Boxes
	Boxes    []roster.Raw
	First    uint64 // sequence of the first of Records
	Records  []roster.Raw
	Outcomes []Outcome // of the asks, or acts, that were looked at, in that order
	More     bool      // some were not looked at: there is no room for them in this batch, or it hands the leg over
}

// MaxBatch is the most bytes of bodies of records in a batch that the asks of
// members make. An epoch comes on top.
const MaxBatch = 256 << 10

// A draft is a batch that is being made.
type draft struct {
	Batch
	ms      int64
	bytes   int                    // of Records' bodies and of the answers to come
	refused map[digest.Hash]uint64 // sizes up to which answers are to come
	order   []digest.Hash          // of refused, each at least once
	waiting map[digest.Hash]int    // the outcome of an ask of this log that waits for a person
}

// begin begins a batch.
func (d *Desk) begin(now time.Time) (*draft, error) {
	if err := d.writable(); err != nil {
		return nil, err
	}
	if len(d.first) == 0 { // else it is of their time
		d.last = max(now.UnixMilli(), d.last) // time in a log never goes back
	}
	d.now = uint64(max(now.Unix(), 0))
	return &draft{
		Batch: Batch{FirstBox: d.boxes, First: d.state.Position().Size - uint64(len(d.first))},
		ms:    d.last, refused: map[digest.Hash]uint64{}, waiting: map[digest.Hash]int{},
	}, nil
}

// answer writes the answers of w that are to come.
func (d *Desk) answer(w *draft) error {
	for _, log := range w.order {
		size, ok := w.refused[log]
		if !ok {
			continue // a later ask was carried out, which settles it, or it is answered already
		}
		delete(w.refused, log)
		if err := d.apply(w, &roster.Answer{Log: log, Size: size}); err != nil {
			return err
		}
	}
	return nil
}

// apply adds a record to w and to the fold, which would have it count.
func (d *Desk) apply(w *draft, r roster.Record) error {
	body, err := roster.Encode(nil, r)
	if err != nil {
		return err
	}
	raw := roster.Raw{Type: r.Type(), Time: w.ms, Body: body}
	e, err := d.state.Apply(d.state.Position().Size, raw.Type, raw.Time, raw.Body)
	if err != nil {
		return err
	}
	if e.Void != "" {
		return fmt.Errorf("%s at %v is void: %s", raw.Type, e.At, e.Void)
	}
	w.Records = append(w.Records, raw)
	w.bytes += len(body)
	return nil
}
