// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A mounted is what mountinfo (proc_pid_mountinfo(5)) says of a mount.
type mounted struct{ kind, source, options string }

// mountDisk names what is behind a mount that has no block device of its own:
// the disks of a btrfs, or the directory that takes the writes of an overlay,
// such as a container's root. Containers of one image show the same inodes and
// birth times for what the image holds, and before Linux 6.6 the same volume; a
// copy of a btrfs shows the same volume as long as the first is not mounted.
func mountDisk(id uint64) string {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	m := findMount(string(b), id)
	switch m.kind {
	case "overlay":
		for option := range strings.SplitSeq(m.options, ",") {
			if upper, ok := strings.CutPrefix(option, "upperdir="); ok {
				return "overlay " + upper
			}
		}
	case "btrfs":
		return btrfsDisks(m.source)
	}
	return ""
}

// findMount looks for a mount by its id: the first field of its line. Behind
// " - " stand the file system's type, its source, and its options.
func findMount(mountinfo string, id uint64) mounted {
	for line := range strings.Lines(mountinfo) {
		mount, super, _ := strings.Cut(strings.TrimSpace(line), " - ")
		number, _, _ := strings.Cut(mount, " ")
		if f := strings.Fields(super); number == strconv.FormatUint(id, 10) && len(f) >= 3 {
			return mounted{f[0], f[1], f[2]}
		}
	}
	return mounted{}
}

// btrfsDisks names all disks of the btrfs that the block device source is one
// of: which one mountinfo gives may change from mount to mount.
func btrfsDisks(source string) string {
	if real, err := filepath.EvalSymlinks(source); err == nil {
		source = real
	}
	found, err := filepath.Glob("/sys/fs/btrfs/*/devices/" + filepath.Base(source))
	if err != nil || len(found) == 0 {
		return ""
	}
	all, err := filepath.Glob(filepath.Join(filepath.Dir(found[0]), "*"))
	if err != nil {
		return ""
	}
	var ids []string
	for _, link := range all {
		dir, err := filepath.EvalSymlinks(link)
		if err != nil {
			return ""
		}
		ids = append(ids, blockID(dir))
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}
