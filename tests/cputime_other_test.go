// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package tests

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
