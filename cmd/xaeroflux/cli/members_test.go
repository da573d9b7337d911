// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func TestParseRole(t *testing.T) {
	for r := xaeroflux.RoleAdmin; r <= xaeroflux.RoleReplica; r++ {
		if got, err := parseRole(r.String()); err != nil || got != r {
			t.Errorf("%v: %v, %v", r, got, err)
		}
	}
	for _, text := range []string{"owner", "none", "device", "", "Admin"} {
		if _, err := parseRole(text); kindOf(err) != nodeapi.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMemberIsNamedByItsKey(t *testing.T) {
	all := []xaeroflux.Member{{Account: xaeroflux.AccountKey{0xab, 0xcd, 1}}, {Account: xaeroflux.AccountKey{0xab, 0xcd, 2}}, {Account: xaeroflux.AccountKey{0xef, 0xab}}}
	for name, want := range map[string]int{"abcd01": 0, "ABCD02": 1, "efab": 2, all[1].Account.String(): 1} {
		if m, err := member(all, name); err != nil || m.Account != all[want].Account {
			t.Errorf("%q: %v, %v", name, m.Account, err)
		}
	}
	all = append(all, xaeroflux.Member{Account: xaeroflux.AccountKey{0xab, 0xce}, Petname: "Al", Claim: "abcd01"}, xaeroflux.Member{Account: xaeroflux.AccountKey{0xab, 0xcf}, Petname: "Twin"},
		xaeroflux.Member{Account: xaeroflux.AccountKey{0xaa}, Petname: "Twin", Claim: "Eve"}, xaeroflux.Member{Account: xaeroflux.AccountKey{0xbb}, Petname: "efab"})
	for name, want := range map[string]int{"Al": 3, "abcd01": 0} {
		if m, err := member(all, name); err != nil || m.Account != all[want].Account {
			t.Errorf("%q: %v, %v", name, m.Account, err)
		}
	}
	for name, want := range map[string]nodeapi.Kind{"Twin": nodeapi.Usage, "efab": nodeapi.Usage, "Eve": nodeapi.Usage, "Everybody": nodeapi.Unknown, "abcd": nodeapi.Usage, "efa": nodeapi.Usage, "": nodeapi.Usage, "abcd03": nodeapi.Unknown, "cd01": nodeapi.Unknown} {
		if m, err := member(all, name); kindOf(err) != want {
			t.Errorf("%q: %v, %v", name, m.Account, err)
		}
	}
}

func TestInviteFlags(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	f := inviteFlags{role: "reader", uses: 3, expires: "7d", wait: time.Second}
	want := nodeapi.Inviting{Role: xaeroflux.RoleReader, Uses: 3, Expires: now.AddDate(0, 0, 7), Wait: time.Second}
	if o, err := f.inviting(now); err != nil || o != want {
		t.Errorf("%+v, %v", o, err)
	}
	for what, f := range map[string]inviteFlags{
		"role": {role: "owner", uses: 1}, "no uses": {role: "writer"}, "expired": {role: "writer", uses: 1, expires: "2026-11-26"}, "wait": {role: "writer", uses: 1, wait: -1},
	} {
		if _, err := f.inviting(now); kindOf(err) != nodeapi.Usage {
			t.Errorf("%s: %v", what, err)
		}
	}
}
