// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An OpenInvite is an invite by which somebody can still join a topic. The invite itself
// is not kept: whoever made it has it.
type OpenInvite struct {
	ID      InviteKey  `json:"id"`               // names it
	Role    Role       `json:"role"`             // of whoever joins by it
	Links   AccountKey `json:"links,omitzero"`   // whose further device it is for, if it is for one
	Uses    int        `json:"uses"`             // how many can still join by it
	Expires time.Time  `json:"expires,omitzero"` // by the clock of the steward; zero for never
	Since   time.Time  `json:"since"`            // when the steward wrote it down, by its clock
	By      AccountKey `json:"by"`               // who asked for it
	Self    bool       `json:"self,omitempty"`   // this store's person did
}

// Invites returns the invites that are open by the roster that is here, ordered by id. One
// whose time is over is among them until the steward has closed it. An open topic has none.
func (t *Topic) Invites() (_ []OpenInvite, err error) {
	defer t.db.out(&err)
	st, err := t.roster()
	if err != nil {
		return nil, wrap("invites", err)
	}
	self, known := st.Device(t.db.st.DeviceKey(t.t))
	var all []OpenInvite
	for _, v := range st.Invites() {
		o := OpenInvite{
			ID: InviteKey(v.Key), Role: Role(v.Role), Uses: int(v.Uses) - int(v.Used),
			Since: told(time.UnixMilli(v.Time)), By: AccountKey(v.By), Self: known && self.Account == v.By,
		}
		if v.Expiry > 0 {
			o.Expires = told(time.Unix(int64(v.Expiry), 0))
		}
		if v.Link != nil {
			a, _ := st.Account(v.Link.Account)
			o.Role, o.Links = Role(a.Role), AccountKey(v.Link.Account)
		}
		all = append(all, o)
	}
	return all, nil
}

// Revoke closes an invite: nobody joins by it any more, and what is appended from then on,
// by those who have heard of it, is sealed from whoever has it. Somebody who was admitted
// by it stays; see Remove for that, and for when it is done. The error is ErrOptions for
// an invite that is not open, and ErrRole for another's if this store's person is no admin.
func (t *Topic) Revoke(ctx context.Context, id InviteKey) (err error) {
	defer t.db.out(&err)
	st, err := t.roster()
	if err != nil {
		return wrap("revoke", err)
	}
	if v, _ := st.Invite(roster.Key(id)); !v.Open {
		return fmt.Errorf("revoke: %w: no invite %s is open", ErrOptions, id.Short())
	}
	key := roster.Key(id)
	closed := func(st *roster.State) bool { v, _ := st.Invite(key); return !v.Open }
	return wrap("revoke", t.act(ctx, &key, closed))
}
