// SPDX-License-Identifier: MPL-2.0
//go:build broken

package sabotage

import "os"

// What the environment breaks: XAEROFLUX_BROKEN is one of the names below.
var (
	NoSync     = is("nosync")
	NoChecksum = is("nochecksum")
	NoReplay   = is("noreplay")
	NoProof    = is("noproof")
)

func is(name string) bool { return os.Getenv("XAEROFLUX_BROKEN") == name }
