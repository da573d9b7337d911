// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"io"
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
	return pidIn(OpenFile(filepath.Join(dir, LockName), os.O_RDONLY, 0))
}

// pidIn reads LOCK, and closes it.
func pidIn(f *os.File, err error) int {
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
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
