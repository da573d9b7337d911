// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"time"

	"github.com/xaeroflux/xaeroflux/actors/keeper"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
)

// An AskState is what became of an ask.
type AskState string

// The states.
const (
	AskWaiting AskState = "waiting" // the steward has not answered, as far as the roster is here
	AskDone    AskState = "done"    // a record of the roster carried it out
	AskRefused AskState = "refused" // the steward refused it, or does not answer it
	AskStale   AskState = "stale"   // what it is about changed since it was asked: it was refused for that, or is going to be
	AskVoid    AskState = "void"    // a record was to carry it out, and does not count: it stands
)

// An Ask is a change of the roster that this store asked for. It is an event of this
// store's log.
type Ask struct {
	Log  LogID     `json:"log"`
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// What is asked for: to "join", "leave", "remove", "role", "invite", "uninvite",
	// "handover", "device", which is another key or log of one, "admit", "cut", "erase",
	// "grant" or "snapshot".
	What    string     `json:"what"`
	Account AccountKey `json:"account,omitzero"` // whom it is about
	Device  AuthorKey  `json:"device,omitzero"`  // which of that account's devices
	Role    Role       `json:"role,omitzero"`    // that is asked for
	Invite  InviteKey  `json:"invite,omitzero"`  // that it is about

	State AskState `json:"state"` // waiting, done, refused, stale or void
	// Why it is not done, or not yet, as far as the roster tells: a steward gives no
	// reasons, and its person may have others.
	Why string `json:"why,omitempty"`
	// Record is the record of the roster that says so; nil if none does.
	Record *RosterRecord `json:"record,omitempty"`
}

// A RosterRecord is a place in a topic's roster.
type RosterRecord struct {
	Term uint32 `json:"term"`
	Leg  uint32 `json:"leg"`
	Seq  uint64 `json:"seq"` // in the leg, from 0
}

// Asks returns what this store asked the topic's steward for, and what became of it by the
// roster that is here, oldest first. What the steward's own store changes is not asked for.
func (t *Topic) Asks() (_ []Ask, err error) {
	defer t.db.out(&err)
	if err := t.db.usable(); err != nil {
		return nil, err
	}
	if t.Kind() == OpenTopic {
		return nil, nil
	}
	told, err := t.db.node.Keeper().Asks(t.t.ID)
	if err != nil {
		return nil, wrap("asks", err)
	}
	all := make([]Ask, len(told))
	for i := range told {
		all[i] = askOf(&told[i])
	}
	return all, nil
}

var askStates = map[steward.Standing]AskState{
	steward.Open: AskWaiting, steward.Done: AskDone, steward.Denied: AskRefused, steward.Outdated: AskStale, steward.Voided: AskVoid,
}

func askOf(x *keeper.Told) Ask {
	a := Ask{
		Log: LogID(x.Log), Seq: x.Seq, Time: told(time.UnixMilli(x.Time)), State: askStates[x.Standing], Why: string(x.Why),
	}
	if x.At.Size > 0 {
		a.Record = &RosterRecord{Term: x.At.Term, Leg: x.At.Leg, Seq: x.At.Size - 1}
	}
	a.What = roster.AskName(x.Body)
	switch b := x.Body.(type) {
	case *roster.Join:
		a.Account, a.Invite = AccountKey(b.Card.Card.Account), InviteKey(b.By.Invite)
	case *roster.DeviceAsk:
		a.Account, a.Device = AccountKey(b.Device.Card.Account), AuthorKey(b.Device.Card.Device)
	case *roster.Request:
		a.request(b)
	}
	return a
}

// request says what a request is about.
func (a *Ask) request(q *roster.Request) {
	switch x := q.Content.(type) {
	case *roster.Target:
		a.Account, a.Device = AccountKey(x.Account), AuthorKey(x.Device)
	case *roster.RoleChange:
		a.Account, a.Role = AccountKey(x.Account), Role(x.Role)
	case *roster.Invite:
		a.Invite = InviteKey(x.Key)
		if x.Link == nil {
			a.Role = Role(x.Role)
		}
	case *roster.Key:
		a.Invite = InviteKey(*x)
	case *roster.AskedAdmit:
		a.Account, a.Role = AccountKey(x.Card.Card.Account), Role(x.Role)
	case *roster.Right:
		a.Account = AccountKey(x.Account)
	}
}
