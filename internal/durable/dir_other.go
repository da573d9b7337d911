// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package durable

import "os"

// syncDir only checks the directory: these systems cannot sync one.
func syncDir(name string) error {
	_, err := os.Stat(name)
	return err
}
