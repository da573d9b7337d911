// SPDX-License-Identifier: MPL-2.0

// Package care shows what becomes of a store over its life: made, killed, damaged,
// checked, repaired, backed up, restored and moved.
package care

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

var ctx = context.Background() // of what no test ends

// TestMain makes this test binary also a command that counts events until it is killed.
func TestMain(m *testing.M) {
	storetest.Main(m, map[string]func(){
		"countevents": func() {
			fmt.Fprintln(os.Stderr, countEvents(os.Args[1], os.Args[2]))
			os.Exit(1) // it is killed
		},
	})
}
