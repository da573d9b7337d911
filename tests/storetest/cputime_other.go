// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package storetest

import "time"

// CPUTime is not known here.
func CPUTime() time.Duration { return 0 }
