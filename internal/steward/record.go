// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// record returns the record that carries out an ask, without boxes, or why there is
// none. What the fold says of it is not asked yet.
func (d *Desk) record(a *Ask) (roster.Record, Reason, error) {
	by := d.asker(a.AskRef)
	if q, ok := a.Body.(*roster.Request); ok && d.stale(q, by) {
		return nil, ReasonStale, nil
	}
	return d.recordOf(a.Body, a.AskRef, by, nil)
}

// asker returns the account whose log an ask is in, or zeros. It may be removed by now.
func (d *Desk) asker(a roster.AskRef) roster.Key {
	l, _ := d.state.Log(a.Log)
	return l.Account
}

// recordOf returns the record that does what an ask says on the authority of an
// account; ref is none for the steward's person, who may keep invites at a removal.
func (d *Desk) recordOf(body roster.Ask, ref roster.AskRef, by roster.Key, keep []roster.Key) (roster.Record, Reason, error) {
	switch b := body.(type) {
	case *roster.Join:
		v, _ := d.state.Invite(b.By.Invite)
		if v.Link != nil {
			return nil, Reason(roster.VoidInvite), nil
		}
		r := &roster.Admit{Ask: ref, Role: v.Role, By: &b.By, Card: b.Card}
		return r, first(d.expired(b.By.Invite), checkCard(&b.Card.Card)), nil
	case *roster.Leave:
		return d.remove(ref, roster.Target{Account: by}, by, keep)
	case *roster.DeviceAsk:
		r := &roster.AddDevice{Ask: ref, Device: b.Device}
		return r, first(d.expired(b.Device.Signer), checkPages(b.Device.Card.PageBytes), checkKEM(b.Device.Card.KEM)), nil
	case *roster.Request:
		return d.requested(b, ref, by, keep)
	}
	return nil, ReasonUnasked, nil
}

// requested is recordOf for a request.
func (d *Desk) requested(q *roster.Request, ref roster.AskRef, by roster.Key, keep []roster.Key) (roster.Record, Reason, error) {
	switch x := q.Content.(type) {
	case *roster.Target:
		return d.remove(ref, *x, by, keep)
	case *roster.RoleChange:
		return d.setRole(ref, *x)
	case *roster.Invite:
		return &roster.MakeInvite{Ask: ref, Invite: *x}, first(d.over(x.Expiry), checkKEM(x.KEM)), nil
	case *roster.Key:
		return &roster.Uninvite{Ask: ref, Invite: *x}, "", nil
	case *roster.AskedCut:
		return &roster.CutLog{Ask: ref, Cut: x.Cut, Fork: x.Fork}, "", nil
	case *[]roster.LogRange:
		return &roster.Erase{Ask: ref, Ranges: *x}, "", nil
	case *roster.Right:
		return &roster.Grant{Ask: ref, Right: *x}, "", nil
	case *roster.ViewState:
		return &roster.Snapshot{Ask: ref, State: *x}, "", nil
	case *roster.AskedAdmit:
		return &roster.Admit{Ask: ref, Role: x.Role, Card: x.Card}, checkCard(&x.Card.Card), nil
	}
	l, _ := d.state.Log(ref.Log)
	return &roster.Handover{Ask: ref, Device: l.Device}, d.checkHeir(l.Device), nil
}

// checkHeir returns why a device could not go on as the steward: it is that, or could
// not open the newest epoch.
func (d *Desk) checkHeir(device roster.Key) Reason {
	if device == d.state.Steward().Author {
		return ReasonSteward
	}
	x, _ := d.state.Device(device)
	return checkKEM(x.KEM)
}

// expired returns why nobody joins by an invite any more, if there is one with this
// key and its time is over by the steward's clock.
func (d *Desk) expired(invite roster.Key) Reason {
	v, _ := d.state.Invite(invite)
	return d.over(v.Expiry)
}

// over returns why an expiry, in seconds since 1970, is over.
func (d *Desk) over(expiry uint64) Reason {
	if expiry > 0 && d.now >= expiry {
		return ReasonExpired
	}
	return ""
}

func checkCard(k *roster.Card) Reason {
	return first(checkPages(k.PageBytes), checkKEM(k.KEM), checkKEM(k.AccountKEM))
}

// first returns the first reason there is.
func first(all ...Reason) Reason {
	for _, why := range all {
		if why != "" {
			return why
		}
	}
	return ""
}
