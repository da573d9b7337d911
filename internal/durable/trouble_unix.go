// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import "syscall"

var troubleErrors = [...][]error{
	Exhausted: {syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.ENOBUFS},
	Full:      {syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG},
	Denied:    {syscall.EACCES, syscall.EPERM, syscall.EROFS},
	Failing:   {syscall.EIO, syscall.ENXIO, syscall.ENODEV, syscall.ESTALE},
}
