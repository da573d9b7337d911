// SPDX-License-Identifier: MPL-2.0

package measure

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPU returns the processor time, user and system, that this process took.
func CPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Written returns the bytes that the disk of a directory took so far, of all
// that was written until now. It counts what others write, too. The kernel's
// own count for a process is no help: it adds up the pages that became dirty,
// and where those are large it counts a write of 4 KiB as one of a MiB.
func Written(dir string) (int64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return 0, err
	}
	syscall.Sync()
	major, minor := st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00
	b, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", major, minor))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 7 {
		return 0, fmt.Errorf("a disk's statistics of %d fields", len(f))
	}
	sectors, err := strconv.ParseInt(f[6], 10, 64)
	return sectors * 512, err
}

// Memory is what a process holds.
type Memory struct {
	RSS       int64 // bytes resident, with file pages it maps
	Anonymous int64 // bytes of its own
}

// MemoryOf reads the memory of a process.
func MemoryOf(pid int) (Memory, error) {
	v, err := fields(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	return Memory{RSS: v["Rss"] << 10, Anonymous: v["Anonymous"] << 10}, err
}

// Threads is what the threads of a process did so far.
type Threads struct {
	Count    int
	Switches int64 // context switches, of their own will or not
}

// ThreadsOf reads the threads of a process.
func ThreadsOf(pid int) (Threads, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return Threads{}, fmt.Errorf("threads of process %d: none to be seen", pid)
	}
	t := Threads{Count: len(tasks)}
	for _, path := range tasks {
		v, err := fields(path)
		if os.IsNotExist(err) {
			continue // it ended since
		} else if err != nil {
			return Threads{}, err
		}
		t.Switches += v["voluntary_ctxt_switches"] + v["nonvoluntary_ctxt_switches"]
	}
	return t, nil
}

// fields reads the lines "name: number …" of a file in /proc.
func fields(path string) (map[string]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := map[string]int64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if words := strings.Fields(rest); len(words) > 0 {
			if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
				v[name] = n
			}
		}
	}
	return v, nil
}

// DiskUse returns the bytes that the files under dir take on disk.
func DiskUse(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}
