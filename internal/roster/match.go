// SPDX-License-Identifier: MPL-2.0

package roster

import "bytes"

// AskOf returns the event that r names as what asked for it, if r is of a type
// that can name one.
func AskOf(r Record) (AskRef, bool) {
	switch r := r.(type) {
	case *Admit:
		return r.Ask, true
	case *AddDevice:
		return r.Ask, true
	case *SetRole:
		return r.Ask, true
	case *Remove:
		return r.Ask, true
	case *MakeInvite:
		return r.Ask, true
	case *Uninvite:
		return r.Ask, true
	case *CutLog:
		return r.Ask, true
	case *Erase:
		return r.Ask, true
	case *Snapshot:
		return r.Ask, true
	case *Grant:
		return r.Ask, true
	case *Handover:
		return r.Ask, true
	}
	return AskRef{}, false
}

// Matches reports whether r carries out a, which account asked for. A record
// whose ask does not match counts all the same, and is shown to people.
func Matches(r Record, a Ask, account Key) bool {
	want, got := Wanted(r, a), a
	if l, ok := r.(*Remove); ok && a.Type() == "xf/leave" {
		return l.Target == Target{Account: account}
	}
	if want == nil || want.Type() != got.Type() {
		return false
	}
	b, err := EncodeAsk(nil, want) // a record may hold what no ask can ask for, as the role of an owner
	return err == nil && bytes.Equal(b, mustEncode(got))
}

// Wanted returns the ask that r would carry out, with the position of a if it
// has one; nil if nobody can ask for r with an ask of a's type.
func Wanted(r Record, a Ask) Ask {
	switch r := r.(type) {
	case *Admit:
		if _, ok := a.(*Join); ok && r.By != nil {
			return &Join{*r.By, r.Card}
		}
		return request(a, AskAdmit, &AskedAdmit{r.Role, r.Card})
	case *AddDevice:
		return &DeviceAsk{r.Device}
	case *SetRole:
		return request(a, AskRole, &r.Change)
	case *Remove:
		return request(a, AskRemove, &r.Target)
	case *MakeInvite:
		return request(a, AskInvite, &r.Invite)
	case *Uninvite:
		return request(a, AskUninvite, &r.Invite)
	case *CutLog:
		return request(a, AskCut, &AskedCut{r.Cut, r.Fork})
	case *Erase:
		return request(a, AskErase, &r.Ranges)
	case *Snapshot:
		return request(a, AskSnapshot, &r.State)
	case *Grant:
		return request(a, AskGrant, &r.Right)
	case *Handover:
		return request(a, AskHandover, nil)
	}
	return nil
}

func request(a Ask, what uint8, content any) Ask {
	q, ok := a.(*Request)
	if !ok {
		return nil
	}
	return &Request{q.At, what, content}
}

// Stale reports whether an ask that was made at p is too old for its subject: an
// account, a device, an invite or a log changed after p, or p is no position of
// this roster though its leg is. A request of accounts for themselves (to leave,
// their own devices and keys) is never stale; the caller knows which that is.
func (s *State) Stale(p Point, subject Key) bool {
	for i, l := range s.legs {
		over := i < len(s.legs)-1 || s.phase == phaseHandedOver // nothing of l is still to come
		if l.Term == p.Term && l.Leg == p.Leg && (over || p.Size <= uint64(len(l.roots))) && !s.Holds(p) {
			return true
		}
	}
	at, ok := s.changed.get(subject)
	return ok && at.Compare(p.Position) > 0
}

// ProvisionalJoin returns why the log that j is record 0 of is not stored
// before the steward admits it; empty if it is.
func (s *State) ProvisionalJoin(j *Join) Void {
	v := s.invites.at(j.By.Invite)
	return first(void(v.Link != nil, VoidInvite), s.inviteVoid(&j.By, &j.Card.Card, v.Role), s.cardVoid(&j.Card))
}

// ProvisionalDevice is ProvisionalJoin for a log whose record 0 asks for a
// device.
func (s *State) ProvisionalDevice(d *DeviceAsk) Void { return s.deviceVoid(&d.Device) }
