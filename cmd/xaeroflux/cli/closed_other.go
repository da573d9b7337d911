// SPDX-License-Identifier: MPL-2.0

//go:build !unix || !cgo

package cli

// startedWithout is not known here.
func startedWithout(int) bool { return false }
