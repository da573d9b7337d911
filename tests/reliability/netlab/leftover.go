// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// ours are names of namespaces that a run makes, with its process id.
var ours = regexp.MustCompile(`^xfl(\d+)(b|probe|n\d+)$`)

// sweep removes namespaces of runs that were killed: their processes are gone,
// and their nodes with them.
func sweep() error {
	out, err := exec.Command("ip", "netns", "list").Output()
	if err != nil {
		return fmt.Errorf("ip netns list: %w", err)
	}
	var errs []error
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if left(name, alive) {
			errs = append(errs, ip("netns del %s", name))
		}
	}
	return errors.Join(errs...)
}

// left reports whether a namespace was left behind by a run that is over.
func left(name string, alive func(pid int) bool) bool {
	m := ours.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	return err == nil && !alive(pid)
}

func alive(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil
}
