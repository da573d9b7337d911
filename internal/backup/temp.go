// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"fmt"
	"os"
)

// A TempError is what goes wrong in the directory for temporary files, which the
// environment names and no argument does.
type TempError struct {
	Dir string
	Err error
}

func (e *TempError) Error() string {
	return fmt.Sprintf("temporary files go to %s (TMPDIR): %v", e.Dir, e.Err)
}

// Unwrap returns the cause.
func (e *TempError) Unwrap() error { return e.Err }

// tempDir makes a directory for temporary files.
func tempDir(pattern string) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	return dir, inTemp(err)
}

// inTemp says of an error that it is one of a temporary file.
func inTemp(err error) error {
	if err != nil {
		err = &TempError{Dir: os.TempDir(), Err: err}
	}
	return err
}
