// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"io/fs"
	"os"
	"syscall"
)

// File systems that keep no modes, and those that do or do not, as they were
// mounted (statfs(2)).
var (
	noModes    = map[uint32]string{0x4d44: "FAT", 0x2011bab0: "exFAT", 0x5346544e: "NTFS"}
	maybeModes = map[uint32]string{0x65735546: "FUSE", 0xff534d42: "CIFS", 0xfe534d42: "SMB2", 0x517b: "SMB", 0x01021997: "9P", 0x786f4256: "vboxsf"}
)

// KeepsModes reports whether the file system of an open file keeps its mode, so that
// a chmod would help. Of those that may not, an executable bit tells: no file of a
// store was made with one.
func KeepsModes(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return true, err
	}
	var st syscall.Statfs_t
	for {
		switch err = syscall.Fstatfs(int(f.Fd()), &st); err {
		case syscall.EINTR:
			continue
		case nil:
			return keepsModes(uint32(st.Type), info.Mode()), nil
		}
		return true, &os.PathError{Op: "statfs", Path: f.Name(), Err: err}
	}
}

func keepsModes(kind uint32, mode fs.FileMode) bool {
	if _, none := noModes[kind]; none {
		return false
	}
	_, maybe := maybeModes[kind]
	return !maybe || mode&0o111 == 0
}
