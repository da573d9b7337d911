// SPDX-License-Identifier: MPL-2.0

//go:build unix

package edges

import (
	"fmt"
	"syscall"
)

var limits = map[string]int{"descriptors": syscall.RLIMIT_NOFILE, "file": syscall.RLIMIT_FSIZE, "memory": syscall.RLIMIT_AS}

// setLimit sets a soft limit of this process.
func setLimit(name string, n uint64) error {
	which, known := limits[name]
	if !known {
		return fmt.Errorf("no limit %q", name)
	}
	var l syscall.Rlimit
	if err := syscall.Getrlimit(which, &l); err != nil {
		return err
	}
	l.Cur = min(n, l.Max)
	return syscall.Setrlimit(which, &l)
}
