// SPDX-License-Identifier: MPL-2.0

//go:build 386 || arm || mips || mipsle

package xaeroflux

// The actor library panics when it spawns on a 32-bit platform, so a build for
// one ends here.
var _ = xaeroflux_needs_a_64_bit_platform
