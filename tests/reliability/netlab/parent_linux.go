// SPDX-License-Identifier: MPL-2.0

package netlab

import "syscall"

// withParent makes a process end with the one that starts it, however that ends.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
