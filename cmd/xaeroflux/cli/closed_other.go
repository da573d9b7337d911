// SPDX-License-Identifier: MPL-2.0

//go:build !unix || !cgo

package cli

// stdoutClosed is not known here.
func stdoutClosed() bool { return false }
