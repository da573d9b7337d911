// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import "syscall"

// DescriptorLimit is how many descriptors this process may have open, or 0 if
// that is not known.
func DescriptorLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}
