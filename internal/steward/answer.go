// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"cmp"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Answer carries out what may be carried out of asks, and refuses the rest. They
// come in the order in which the steward learned of them, those of one log in the
// order of the log, and all of it that are not settled: a record settles its ask and
// all before it. What is settled is passed over, and so is what no steward answers,
// as `xf/erase`.
func (d *Desk) Answer(asks []Ask, now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err != nil {
		return Batch{}, err
	}
	for _, a := range inOrder(asks) {
		room, err := d.handle(w, &a, false)
		if err != nil {
			return Batch{}, err
		}
		if w.More = !room; w.More {
			break
		}
	}
	return d.finish(w)
}

// Decide carries out, or refuses, an ask that waits for a person.
func (d *Desk) Decide(a Ask, yes bool, now time.Time) (Batch, error) {
	w, err := d.begin(now)
	if err != nil {
		return Batch{}, err
	}
	if !yes && d.open(&a) {
		d.refuse(w, &a, ReasonDeclined)
	} else if room, err := d.handle(w, &a, true); err != nil {
		return Batch{}, err
	} else {
		w.More = !room
	}
	return d.finish(w)
}

// inOrder returns asks with those of each log in the order of their sequences, in
// the places that the asks of that log had, and none twice.
func inOrder(asks []Ask) []Ask {
	logs := map[digest.Hash][]Ask{}
	for _, a := range asks {
		logs[a.Log] = append(logs[a.Log], a)
	}
	for log, of := range logs {
		slices.SortStableFunc(of, func(a, b Ask) int { return cmp.Compare(a.Seq, b.Seq) })
		logs[log] = slices.CompactFunc(of, func(a, b Ask) bool { return a.Seq == b.Seq })
	}
	all := make([]Ask, 0, len(asks))
	for _, a := range asks {
		if of := logs[a.Log]; len(of) > 0 {
			all, logs[a.Log] = append(all, of[0]), of[1:]
		}
	}
	return all
}

// open reports whether an ask is still to be answered, and can be.
func (d *Desk) open(a *Ask) bool {
	switch a.Body.(type) {
	case *roster.Request, *roster.Join, *roster.Leave, *roster.DeviceAsk:
		return !a.None() && a.Seq >= d.state.Settled(a.Log)
	}
	return false
}

// handle deals with one ask. It returns false, and has done nothing for it, if there
// is no room in w.
func (d *Desk) handle(w *draft, a *Ask, decided bool) (room bool, err error) {
	if size, ok := w.refused[a.Log]; !d.open(a) || ok && a.Seq < size {
		return true, nil
	}
	if w.bytes+answerBytes > MaxBatch || !d.state.Heir().IsZero() {
		return false, nil
	}
	r, why, err := d.record(a)
	if err != nil {
		return false, err
	}
	if h, ok := r.(*roster.Handover); ok && why == "" && !decided && !d.trusted(h.Device) && d.state.Judge(h) == "" {
		d.wait(w, a)
		return true, nil
	}
	if why == "" {
		if room, why, err = d.write(w, r, a.Log); !room || err != nil {
			return false, err
		}
	}
	if why != "" {
		d.refuse(w, a, why)
		return true, nil
	}
	d.overtake(w, a.Log)
	d.tell(w, a, Carried, "")
	return true, nil
}

// answerBytes is the length of an answer's body.
const answerBytes = 40

// wait leaves an ask to a person.
func (d *Desk) wait(w *draft, a *Ask) {
	d.overtake(w, a.Log)
	w.waiting[a.Log] = len(w.Outcomes)
	d.tell(w, a, Waiting, ReasonPerson)
}

// overtake says that the ask of a log that waits is settled by a later one.
func (d *Desk) overtake(w *draft, log digest.Hash) {
	if i, ok := w.waiting[log]; ok {
		w.Outcomes[i].Fate, w.Outcomes[i].Why = Refused, ReasonLater
		delete(w.waiting, log)
	}
}

// refuse refuses an ask, with an answer at the end of w if its log gets one.
func (d *Desk) refuse(w *draft, a *Ask, why Reason) {
	if !d.heard(a) {
		d.tell(w, a, Unheard, why)
		return
	}
	d.overtake(w, a.Log)
	if _, ok := w.refused[a.Log]; !ok {
		w.order = append(w.order, a.Log)
		w.bytes += answerBytes
	}
	w.refused[a.Log] = a.Seq + 1
	d.tell(w, a, Refused, why)
}

func (d *Desk) tell(w *draft, a *Ask, f Fate, why Reason) {
	w.Outcomes = append(w.Outcomes, Outcome{Ask: a.AskRef, By: d.asker(a.AskRef), Asked: roster.AskName(a.Body), Fate: f, Why: why})
}

// heard reports whether a refusal in a log is worth a record, which stays in the
// roster for ever: the log was admitted and counts up to there, or it is that of a
// newcomer which could be admitted later if it were not settled now. So strangers
// make no records.
func (d *Desk) heard(a *Ask) bool {
	if l, _ := d.state.Log(a.Log); l.Admitted.Size > 0 {
		c, cut := l.Cut()
		return !cut || a.Seq < c.Size
	}
	if a.Seq > 0 {
		return false
	}
	switch b := a.Body.(type) {
	case *roster.Join:
		v, _ := d.state.Invite(b.By.Invite)
		return v.Open && b.Log(d.state.Topic()) == a.Log && b.By.Verify(d.state.Topic(), &b.Card.Card) && b.Card.Verify(d.state.Topic())
	case *roster.DeviceAsk:
		return b.Device.Card.Log(d.state.Topic()) == a.Log && d.speaks(b.Device.Signer, b.Device.Card.Account) && b.Device.Verify(d.state.Topic())
	}
	return false
}

// speaks reports whether a key signs for an account: its own, one of its devices',
// or an open invite's that links devices to it.
func (d *Desk) speaks(signer, account roster.Key) bool {
	a, _ := d.state.Account(account)
	device, _ := d.state.Device(signer)
	v, _ := d.state.Invite(signer)
	return a.Belongs() && (signer == account || device.Belongs && device.Account == account ||
		v.Open && v.Link != nil && v.Link.Account == account)
}

// trusted reports whether a device may become the steward without a person's word:
// it is the owner's, who could take over by a term record, or of the account that
// the steward's own device belongs to.
func (d *Desk) trusted(device roster.Key) bool {
	x, _ := d.state.Device(device)
	own, ok := d.state.Device(d.state.Steward().Author)
	return x.Account == roster.Key(d.state.Genesis().Owner) || ok && own.Belongs && own.Account == x.Account
}
