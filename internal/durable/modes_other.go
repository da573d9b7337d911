// SPDX-License-Identifier: MPL-2.0

//go:build !linux

package durable

import (
	"os"
	"runtime"
)

// KeepsModes reports whether the file system of an open file keeps its mode, so that
// a chmod would help. Here it is known of Windows only, whose modes say nothing.
func KeepsModes(*os.File) (bool, error) { return runtime.GOOS != "windows", nil }
