// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import "syscall"

// noWait makes opening a pipe return at once; of a file it changes nothing.
const noWait = syscall.O_NONBLOCK
