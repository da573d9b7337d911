// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Process is what the system tells of a process; of one that is not there, or
// on a system that does not tell, it is empty.
type Process struct {
	State string   // stopped, waiting for a device, or ended; "" for any other
	Args  []string // the command line
}

// Command is the name of the program and its first argument.
func (p Process) Command() (program, first string) {
	if len(p.Args) > 0 {
		program = filepath.Base(p.Args[0])
	}
	if len(p.Args) > 1 {
		first = p.Args[1]
	}
	return program, first
}

// Holder returns the process that says in LOCK that it holds the lock of a
// directory, or 0.
func Holder(dir string) int {
	b, err := os.ReadFile(filepath.Join(dir, LockName))
	if err != nil {
		return 0
	}
	return parsePID(b)
}

func parsePID(b []byte) int {
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
