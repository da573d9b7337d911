// SPDX-License-Identifier: MPL-2.0

//go:build !unix

package cli

import (
	"errors"
	"os"
	"os/exec"
)

// become runs a program to its end, and returns its exit code. An interrupt
// reaches both; this process waits.
func become(path string, args []string) (code int, err error) {
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
