// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func readWhereabouts(dir, file string) (Whereabouts, error) {
	w := Whereabouts{
		Machine:  firstLine("/etc/machine-id", "/var/lib/dbus/machine-id"),
		Hardware: firstLine("/sys/class/dmi/id/product_uuid"),
	}
	if w.Machine == "uninitialized" {
		w.Machine = ""
	}
	st, err := statx(dir)
	if err != nil {
		return Whereabouts{}, err
	}
	volume, err := statfs(dir)
	if err != nil {
		return Whereabouts{}, err
	}
	lasting := inodesLast(volume)
	w.Dir, w.Volume = inodeOf(st, lasting), volumeID(volume, st)
	switch of, err := statx(file); {
	case err == nil:
		w.File = inodeOf(of, lasting)
	case !errors.Is(err, fs.ErrNotExist):
		return Whereabouts{}, err
	}
	if st.Dev_major == 0 { // no block device: the number says nothing
		w.Disk = mountDisk(st.Mnt_id)
	} else if w.Disk = diskID(st.Dev_major, st.Dev_minor); w.Disk == "" {
		w.Boot = firstLine("/proc/sys/kernel/random/boot_id")
		w.Number = deviceNumber(st)
	}
	return w, nil
}

func statx(name string) (st unix.Statx_t, err error) {
	for {
		err = unix.Statx(unix.AT_FDCWD, name, 0, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_MNT_ID, &st)
		if err == nil {
			return st, nil
		}
		if err != unix.EINTR {
			return st, &os.PathError{Op: "statx", Path: name, Err: err}
		}
	}
}

func statfs(name string) (st unix.Statfs_t, err error) {
	for {
		err = unix.Statfs(name, &st)
		if err == nil {
			return st, nil
		}
		if err != unix.EINTR {
			return st, &os.PathError{Op: "statfs", Path: name, Err: err}
		}
	}
}

// inodesLast reports whether a file system's inode numbers stay while it is
// not mounted.
func inodesLast(st unix.Statfs_t) bool {
	switch uint32(st.Type) {
	case unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC:
		return false
	}
	return true
}

func inodeOf(st unix.Statx_t, lasting bool) (n Inode) {
	if lasting {
		n.Number = st.Ino
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		n.Born = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec)).UnixNano()
	}
	return n
}

// volumeID returns f_fsid, unless it is zero or the device number, which is what
// file systems give that have nothing better.
func volumeID(v unix.Statfs_t, st unix.Statx_t) string {
	id := uint64(uint32(v.Fsid.Val[0])) | uint64(uint32(v.Fsid.Val[1]))<<32
	major, minor := uint64(st.Dev_major), uint64(st.Dev_minor)
	if id == 0 || id == minor&0xff|major<<8|(minor&^0xff)<<12 {
		return ""
	}
	return fmt.Sprintf("%x:%016x", uint32(v.Type), id)
}

func deviceNumber(st unix.Statx_t) string { return fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor) }

// diskNames are what may name a block device, below its folder in /sys, best
// first.
var diskNames = []string{"dm/uuid", "dm/name", "md/uuid", "wwid", "device/wwid", "serial", "device/serial", "device/cid"}

// diskID names the block device of a number for as long as it exists, or
// returns nothing.
func diskID(major, minor uint32) string {
	dir, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", major, minor))
	if err != nil {
		return ""
	}
	return blockID(dir)
}

// blockID is diskID by the device's folder in /sys.
func blockID(dir string) string {
	part := firstLine(filepath.Join(dir, "partition"))
	if part != "" {
		dir = filepath.Dir(dir)
	}
	if image := firstLine(filepath.Join(dir, "loop/backing_file")); image != "" {
		return "image " + imageID(image) + " part " + part
	}
	for _, name := range diskNames {
		if id := firstLine(filepath.Join(dir, name)); id != "" {
			return name + " " + id + " part " + part
		}
	}
	return ""
}

// imageID names the file behind a loop device: by its path, and by its inode if
// it can be seen from here.
func imageID(path string) string {
	st, err := statx(path)
	if err != nil {
		return path
	}
	n := inodeOf(st, true)
	return fmt.Sprintf("%s %d %d", path, n.Number, n.Born)
}

// firstLine returns the first line of the first of these files that has one.
func firstLine(names ...string) string {
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(string(b), "\n")
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
