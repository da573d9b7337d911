// SPDX-License-Identifier: MPL-2.0

//go:build !cgo

package aof

// LMDB is C. Without cgo its package has no files, which says nothing of what is
// missing, so a build without cgo ends here.
var _ = xaeroflux_needs_CGO_ENABLED_1_and_a_C_compiler_for_LMDB
