// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func TestDeviceIsNamedByItsKey(t *testing.T) {
	var all []xaeroflux.Device
	for _, key := range []xaeroflux.AuthorKey{{0xab, 0xcd, 1}, {0xab, 0xcd, 2}, {0xef, 0xab}} {
		all = append(all, xaeroflux.Device{Key: key})
	}
	for name, want := range map[string]int{"abcd01": 0, "ABCD02": 1, "efab": 2} {
		if d, err := device(all, "x", name); err != nil || d.Key != all[want].Key {
			t.Errorf("%q: %v, %v", name, d.Key, err)
		}
	}
	for name, want := range map[string]nodeapi.Kind{"abcd": nodeapi.Usage, "abcd03": nodeapi.Unknown, "efa": nodeapi.Unknown} {
		if _, err := device(all, "x", name); kindOf(err) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
