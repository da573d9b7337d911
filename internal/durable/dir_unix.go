// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import "os"

// syncDir makes the names in an open directory durable.
func syncDir(d *os.File) error { return d.Sync() }
