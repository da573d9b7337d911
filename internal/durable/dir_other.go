// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

import "os"

// syncDir does nothing: these systems cannot sync a directory.
func syncDir(*os.File) error { return nil }
