// SPDX-License-Identifier: MPL-2.0

package measure

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Machine is where figures come from.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes"`
	Kernel string `json:"kernel"`
	FS     string `json:"fs"` // of the directory the stores were in
	Go     string `json:"go"`
	Node   string `json:"node,omitempty"`
}

// ThisMachine describes the machine, with the file system that dir is on.
func ThisMachine(dir string) Machine {
	m := Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), Go: runtime.Version(), FS: fsOf(dir)}
	if v, err := fields("/proc/meminfo"); err == nil {
		m.Memory = v["MemTotal"] << 10
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel, _, _ = strings.Cut(strings.TrimSpace(string(b)), "-")
	}
	m.Node = output("", "node", "--version")
	return m
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// fsOf finds the mount that dir is under.
func fsOf(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	at, fs := "", ""
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < len(at) {
			continue
		}
		if rel, err := filepath.Rel(f[1], dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			at, fs = f[1], f[2]
		}
	}
	return fs
}

// Commit returns the commit that is checked out in dir, with a mark if
// files differ from it.
func Commit(dir string) string {
	commit := output(dir, "git", "rev-parse", "--short=12", "HEAD")
	if commit != "" && output(dir, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		commit += " and changes"
	}
	return commit
}

// output returns what a command prints, or nothing if it cannot be run.
func output(dir, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	b, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
