// SPDX-License-Identifier: MPL-2.0
//go:build !unix

package ioerr

import "os/exec"

func own(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
