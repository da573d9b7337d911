// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// ToRepeat returns, of the records that a term record made void, those that the new
// steward writes again unless the old one's device was stolen: removals, cuts and the
// ends of invites. The admissions among the others are for a person to decide.
func ToRepeat(void []roster.Raw) []roster.Record {
	var all []roster.Record
	for _, raw := range void {
		r, err := roster.Decode(raw.Type, raw.Body)
		if err != nil {
			break // the leg closed there
		}
		switch r.(type) {
		case *roster.Remove, *roster.CutLog, *roster.Uninvite:
			all = append(all, r)
		}
	}
	return all
}

// Repeat writes records again, each with the ask that it had; one without is on the
// authority of the account that this steward's device belongs to. There is an outcome
// for each that was looked at. What would be void by now, as if it was repeated before
// already, is refused without a record.
func (d *Desk) Repeat(records []roster.Record, now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err != nil {
		return Batch{}, err
	}
	for _, r := range records {
		ref, _ := roster.AskOf(r)
		room, why, err := d.write(w, r, ref.Log)
		if err != nil {
			return Batch{}, err
		}
		if w.More = !room; w.More {
			break
		}
		o := Outcome{Ask: ref, By: d.asker(ref), Asked: r.Type(), Fate: Carried}
		if why != "" {
			o.Fate, o.Why = Refused, why
		}
		w.Outcomes = append(w.Outcomes, o)
	}
	return d.finish(w)
}
