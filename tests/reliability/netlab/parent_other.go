// SPDX-License-Identifier: MPL-2.0
//go:build !linux

package netlab

import "syscall"

// withParent does nothing here, where there are no namespaces to run in.
func withParent() *syscall.SysProcAttr { return nil }
