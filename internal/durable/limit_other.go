// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

// DescriptorLimit is 0 if the system does not say how many descriptors a
// process may have open.
func DescriptorLimit() uint64 { return 0 }
