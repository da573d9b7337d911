// SPDX-License-Identifier: MPL-2.0

//go:build !race

// Package race tells tests whether the race detector is on: with it, sync.Pool
// forgets on purpose, and what is counted of allocations is not true.
package race

// Enabled says that the race detector is on.
const Enabled = false
