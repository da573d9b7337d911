// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An Act is what the steward's own person does, without an ask: the body that an ask
// for it would have; the position in a request has no meaning.
type Act struct {
	Body roster.Ask
	Keep []roster.Key // invites that stay open at a removal, with those that link devices to other accounts
}

// Own carries out acts on the authority of the account that the steward's device
// belongs to, each as far as that may.
func (d *Desk) Own(acts []Act, now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err != nil {
		return Batch{}, err
	}
	for _, a := range acts {
		room, err := d.act(w, &a)
		if err != nil {
			return Batch{}, err
		}
		if w.More = !room; w.More {
			break
		}
	}
	return d.finish(w)
}

// act carries out one act. It returns false, and has done nothing for it, if there is no
// room in w.
func (d *Desk) act(w *draft, a *Act) (room bool, err error) {
	by := d.self()
	r, why, err := d.recordOf(a.Body, roster.AskRef{}, by, a.Keep)
	if err != nil {
		return false, err
	}
	if why == "" {
		if room, why, err = d.write(w, r, roster.AskRef{}.Log); !room || err != nil {
			return false, err
		}
	}
	o := Outcome{By: by, Asked: roster.AskName(a.Body), Fate: Carried}
	if why != "" {
		o.Fate, o.Why = Refused, why
	}
	w.Outcomes = append(w.Outcomes, o)
	return true, nil
}

// self returns the account that the steward's device belongs to, or zeros.
func (d *Desk) self() roster.Key {
	x, _ := d.state.Device(d.state.Steward().Author)
	if !x.Belongs {
		return roster.Key{}
	}
	return x.Account
}

// RenewAfter is how long an epoch lasts at least if nobody loses what it gives: an invite
// that is used up makes no new one before.
const RenewAfter = 24 * time.Hour

// Due returns what the steward writes without an ask: the epoch that is due; the end
// of invites whose time is over, if the account that its device belongs to may end
// them; and, at most one a day, a new epoch if since the newest one an invite closed or
// a device got another KEM key. A batch without records is nothing to write.
func (d *Desk) Due(now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err != nil {
		return Batch{}, err
	}
	for _, v := range d.state.Invites() {
		if d.over(v.Expiry) == "" {
			continue
		}
		room, _, err := d.write(w, &roster.Uninvite{Invite: v.Key}, roster.AskRef{}.Log)
		if err != nil {
			return Batch{}, err
		}
		if w.More = !room; w.More {
			break
		}
	}
	if at, worn := d.renewal(); worn && !d.EpochDue() && w.Epoch == nil && d.last >= at {
		if err := d.newEpoch(w); err != nil {
			return Batch{}, err
		}
	}
	return d.finish(w)
}

// renewal returns from when on a worn epoch is replaced, in milliseconds since 1970;
// false if the newest one is not worn.
func (d *Desk) renewal() (at int64, worn bool) {
	e, ok := d.state.Epoch()
	return e.Time + RenewAfter.Milliseconds(), ok && d.state.EpochWorn()
}

// Renew returns a new epoch, whatever the age of the newest; nothing in a topic
// without epochs.
func (d *Desk) Renew(now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err == nil && d.hasEpochs() {
		err = d.newEpoch(w)
	}
	if err != nil {
		return Batch{}, err
	}
	return d.finish(w)
}
