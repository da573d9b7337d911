// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"net/netip"
	"testing"
)

func TestHasAddress(t *testing.T) {
	for ip, want := range map[string]bool{"0.0.0.0": true, "::": true, "127.0.0.1": true, "::ffff:127.0.0.1": true, "192.0.2.77": false} {
		if got := HasAddress(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %t", ip, got)
		}
	}
}

func TestHealth(t *testing.T) {
	var h Health
	changed, why := h.Get()
	if why != nil {
		t.Errorf("it begins with %v", why)
	}
	h.Set(nil)
	select {
	case <-changed:
		t.Error("told of a change that was none")
	default:
	}
	h.Set(errors.New("ill"))
	<-changed
	if _, why := h.Get(); why == nil {
		t.Error("no reason is kept")
	}
}
