// SPDX-License-Identifier: MPL-2.0

package xaeroflux_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/messages"
)

// What is printed of a receipt or a head is a line that can be read.
func TestReceiptsAndHeadsPrint(t *testing.T) {
	log := xaeroflux.LogID{0xd9, 0xdb, 0x1c, 0xd7}
	for _, c := range []struct {
		value any
		want  string
	}{
		{xaeroflux.Receipt{Log: log, Seq: 3, Count: 1, Size: 4}, "event 3 of log d9db1cd7"},
		{xaeroflux.Receipt{Log: log, Seq: 3, Count: 4, Size: 9}, "events 3 to 6 of log d9db1cd7"},
		{xaeroflux.Receipt{Log: log, Seq: 3, Repeated: 1}, "event 3 of log d9db1cd7, appended before"},
		{xaeroflux.Receipt{Log: log, Seq: 3, Repeated: 5}, "events from 3 on of log d9db1cd7, appended before"},
		{xaeroflux.Receipt{Log: log, Seq: 3, Count: 2, Repeated: 5}, "events 3 to 4 of log d9db1cd7, and 5 that were appended before"},
		{xaeroflux.Receipt{}, "no events"},
		{xaeroflux.Head{Log: log, Size: 6, Root: xaeroflux.Hash{0xad, 0xfc}}, "log d9db1cd7: 6 events, root adfc0000"},
		{xaeroflux.Head{Log: log, Size: 1}, "log d9db1cd7: 1 event, root 00000000"},
		{&xaeroflux.Head{Log: log}, "log d9db1cd7: 0 events, root 00000000"},
	} {
		if got := fmt.Sprint(c.value); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Codes are those of the protocol, under a type of the API.
func TestCodesAreThoseOfTheProtocol(t *testing.T) {
	for code := range messages.CodeUnlisted + 2 {
		if c := xaeroflux.Code(code); c.String() != code.String() {
			t.Errorf("%d is %q, and %q in the protocol", code, c, code)
		}
	}
	var refused error = &xaeroflux.CallRefusedError{Code: xaeroflux.CodeBusy}
	if as := (*xaeroflux.CallRefusedError)(nil); !errors.As(refused, &as) || fmt.Sprint(as.Code) != "busy" {
		t.Errorf("%v", as.Code)
	}
}
