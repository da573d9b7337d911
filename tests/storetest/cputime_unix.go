// SPDX-License-Identifier: MPL-2.0

//go:build unix

package storetest

import (
	"syscall"
	"time"
)

// CPUTime is the processor time that this process has taken.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
