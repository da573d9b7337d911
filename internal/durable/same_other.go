// SPDX-License-Identifier: MPL-2.0

//go:build !linux

package durable

import (
	"errors"
	"io/fs"
	"os"
)

// sameAt is for Linux.
func sameAt(*os.File, string, fs.FileInfo) (bool, error) { return false, errors.ErrUnsupported }
