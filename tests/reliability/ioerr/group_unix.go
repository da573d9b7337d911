// SPDX-License-Identifier: MPL-2.0
//go:build unix

package ioerr

import (
	"os/exec"
	"syscall"
)

// own gives a command a process group of its own: strace and the node end
// together.
func own(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
