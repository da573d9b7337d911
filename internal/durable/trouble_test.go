// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestTroubleOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Trouble
	}{
		{nil, NoTrouble},
		{errors.New("page 7: checksum"), NoTrouble},
		{os.ErrNotExist, NoTrouble},
		{&os.PathError{Op: "open", Path: "a", Err: syscall.EMFILE}, Exhausted},
		{fmt.Errorf("mmap: %w", syscall.ENOMEM), Exhausted},
		{errors.Join(os.ErrNotExist, syscall.ENOSPC), Full},
		{fmt.Errorf("write: %w", syscall.EFBIG), Full},
		{&os.PathError{Op: "open", Path: "a", Err: syscall.EROFS}, Denied},
		{os.ErrPermission, Denied},
		{errors.Join(syscall.EIO, syscall.ENFILE), Exhausted},
		{syscall.EIO, Failing},
	} {
		if got := TroubleOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
