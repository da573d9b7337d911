// SPDX-License-Identifier: MPL-2.0

//go:build !linux

package durable

import "os"

// datasync is a full sync here; on darwin package os uses F_FULLFSYNC.
func datasync(f *os.File) error { return f.Sync() }

func preallocate(f *os.File, from, to int64) error { return zeroFill(f, from, to) }
