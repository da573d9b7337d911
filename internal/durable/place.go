// SPDX-License-Identifier: MPL-2.0

package durable

import "path/filepath"

// Whereabouts are what the system says of the place of a directory and of one
// file in it. They stay as they are when the directory is renamed, the machine
// is started again, or the disk is mounted again; a copy differs in some of
// them. A field that the system does not give, or not stably, is empty.
//
//	field     source on Linux                               tells apart
//	Machine   /etc/machine-id                               machines
//	Hardware  DMI product UUID (root only)                  clones of a virtual machine
//	Volume    f_fsid, unless it only repeats the device     file systems, subvolumes of btrfs, datasets of ZFS
//	          number, as on XFS, F2FS and FAT
//	Disk      device-mapper UUID, file behind a loop        images, LVM snapshots and disks of which one is a
//	          device, wwid or serial, and partition;        copy of the other, bit by bit; containers of one
//	          all disks of a btrfs; the upper directory     image
//	          of an overlay
//	Boot      boot id, only if Disk is empty                –
//	Number    device number, only together with Boot        two such disks attached at one time
//	Dir, File inode number and birth time                   copies of files, restored ones
//	Path      absolute path, only if Dir is empty           copies if nothing else does
//
// Disk numbers (sda, loop0) change from boot to boot, and with each attachment,
// so that they count within one boot only, and only if the disk has no name.
// Inode numbers of FAT, exFAT and FUSE do not last and are left out. An ext4
// image copied and mounted beside the first has the same volume, inodes and birth
// times: only Disk tells them apart.
//
// An overlay copies a file when it is first opened for writing, which gives it
// another birth time: read what is to be kept after that. A program that
// replaces the file by another on purpose, as a repair does, has to read it again too.
type Whereabouts struct {
	Machine, Hardware string
	Volume, Disk      string
	Boot, Number      string
	Dir, File         Inode
	Path              string
}

// An Inode is a file system's name for a file, and the time at which it made it.
// Numbers are used again after a file is removed; together with the time they
// are not.
type Inode struct {
	Number uint64 // 0 if it is not known, or does not last
	Born   int64  // in nanoseconds since 1970; 0 if it is not known
}

// ReadWhereabouts reads the whereabouts of dir and of the file in it. The file
// need not exist: then nothing is known of it.
func ReadWhereabouts(dir, file string) (Whereabouts, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Whereabouts{}, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return Whereabouts{}, err
	}
	w, err := readWhereabouts(abs, filepath.Join(abs, file))
	if err == nil && w.Dir == (Inode{}) {
		w.Path = abs
	}
	return w, err
}
