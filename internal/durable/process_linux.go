// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

var processStates = map[byte]string{'T': "stopped", 't': "stopped", 'D': "waiting for a device", 'Z': "ended", 'X': "ended"}

// ProcessOf returns what the system tells of a process.
func ProcessOf(pid int) (p Process) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p
	}
	// The state is the letter after the name in parentheses, which may hold any byte.
	if i := bytes.LastIndexByte(stat, ')'); i >= 0 && i+2 < len(stat) {
		p.State = processStates[stat[i+2]]
	}
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		p.Args = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	}
	return p
}
