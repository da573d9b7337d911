// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

import "io/fs"

// SameFD cannot compare here, and lets a file pass: a name whose file is open
// keeps leading to it on these systems.
func SameFD(string, uintptr, fs.FileInfo) error { return nil }
