// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"testing"

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
	for name, want := range map[string]nodeapi.Kind{"abcd": nodeapi.Usage, "efa": nodeapi.Usage, "": nodeapi.Usage, "abcd03": nodeapi.Unknown, "cd01": nodeapi.Unknown} {
		if m, err := member(all, name); kindOf(err) != want {
			t.Errorf("%q: %v, %v", name, m.Account, err)
		}
	}
}
