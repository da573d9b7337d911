// SPDX-License-Identifier: MPL-2.0

//go:build unix

package cli

import (
	"os"
	"syscall"
)

// become replaces this process by a program, which so has its signals and its
// exit code. It returns only if the program cannot be run.
func become(path string, args []string) (code int, err error) {
	return 0, syscall.Exec(path, append([]string{path}, args...), os.Environ())
}
