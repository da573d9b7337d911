// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// write adds a record to w with the boxes that it brings, and before it the epoch
// that is due, unless the fold would make it void; then why says so. It returns false,
// and has added nothing, if w has no room for it.
//
// A batch has one epoch at most, so that one secret is kept with it. Records that each
// make an epoch due share it; what else comes behind them waits for it.
func (d *Desk) write(w *draft, r roster.Record, log digest.Hash) (room bool, why Reason, err error) {
	if d.endsEpoch(r) {
		if v := d.state.Judge(r); v != "" {
			return true, Reason(v), nil
		}
		if w.Epoch != nil {
			return false, "", nil
		}
	} else if err := d.epochFirst(w); err != nil {
		return false, "", err
	}
	return d.add(w, r, log)
}

// add is write behind the epoch. The fold judges a record before its boxes are sealed,
// which is the costly part.
func (d *Desk) add(w *draft, r roster.Record, log digest.Hash) (room bool, why Reason, err error) {
	to, at := d.brings(r)
	if !d.hasEpochs() {
		to = nil
	}
	if len(to) > 0 {
		*at = d.named(len(to))
	}
	if v := d.state.Judge(r); v != "" {
		return true, Reason(v), nil
	}
	body, err := roster.Encode(nil, r)
	if err != nil {
		return true, ReasonForm, nil
	}
	if w.bytes > 0 && w.bytes+len(body) > MaxBatch {
		return false, "", nil
	}
	if err := d.withhold(w, r); err != nil {
		return false, "", err
	}
	if len(to) > 0 {
		if *at, err = d.seal(w, to, d.epoch); err != nil {
			return false, "", err
		}
	}
	if _, ends := r.(*roster.Handover); ends {
		if err := d.answer(w); err != nil {
			return false, "", err
		}
	}
	delete(w.refused, log) // r settles all before its ask
	return true, "", d.apply(w, r)
}

// endsEpoch reports whether an epoch is due once r counts.
func (d *Desk) endsEpoch(r roster.Record) bool {
	switch r := r.(type) {
	case *roster.Remove, *roster.Uninvite:
		return d.hasEpochs()
	case *roster.SetRole:
		a, _ := d.state.Account(r.Change.Account)
		return d.hasEpochs() && a.Role.Reads() != r.Change.Role.Reads()
	}
	return false
}

// finish ends a batch: with the epoch that is due, and with the answers.
func (d *Desk) finish(w *draft) (Batch, error) {
	if err := d.epochFirst(w); err != nil {
		return Batch{}, err
	}
	if err := d.answer(w); err != nil {
		return Batch{}, err
	}
	if len(w.Records) > 0 {
		w.Records, d.first = slices.Concat(d.first, w.Records), nil
	}
	return w.Batch, nil
}
