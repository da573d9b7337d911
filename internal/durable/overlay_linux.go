// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"fmt"
	"os"
	"strings"
)

// overlayID names an overlay, such as a container's root, by the directory that
// takes its writes. Containers of one image show the same inodes and birth times
// for what the image holds, and before Linux 6.6 the same volume.
func overlayID(major, minor uint32) string {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	return findOverlay(string(b), fmt.Sprintf("%d:%d", major, minor))
}

// findOverlay looks for the overlay of a device number in a mountinfo
// (proc_pid_mountinfo(5)): its third field is the number, and behind " - " stand
// the file system's type, its source, and its options.
func findOverlay(mountinfo, number string) string {
	for line := range strings.Lines(mountinfo) {
		mount, super, _ := strings.Cut(strings.TrimSpace(line), " - ")
		f, s := strings.Fields(mount), strings.Fields(super)
		if len(f) < 3 || f[2] != number || len(s) < 3 || s[0] != "overlay" {
			continue
		}
		for option := range strings.SplitSeq(s[2], ",") {
			if upper, ok := strings.CutPrefix(option, "upperdir="); ok {
				return "overlay " + upper
			}
		}
	}
	return ""
}
