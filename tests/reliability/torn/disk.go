// SPDX-License-Identifier: MPL-2.0

package torn

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

const sectorBytes = 512 // what a disk writes whole

// The things that happen to a disk, and the acknowledgements between them.
type kind uint8

const (
	opWrite kind = iota
	opAdopt      // a file that was written and synced past this file system
	opSize       // a file was cut or made longer
	opSync
	opCreate
	opMkdir
	opRename
	opRemove
	opSyncDir
	opCommitBegin // LMDB writes from here on
	opCommitEnd   // and has synced
	opAck
)

// An op is one of them.
type op struct {
	kind  kind
	inode int
	name  string // relative to the disk's root
	to    string // of a rename: the new name
	off   int64
	data  []byte
	size  int64

	changes []change // of opCommitEnd: sectors that differ
	log     int      // of opAck
	acked   uint64
}

// A change is bytes of a file that were written.
type change struct {
	off  int64
	data []byte
	meta bool // of LMDB's meta pages, which are written last
}

// A disk is a file system that writes down what happens to it. The files are
// there as well: this is what a process sees that was killed and runs again.
type disk struct {
	durable.FS
	*tape
}

// A tape is what a disk wrote down.
type tape struct {
	root string

	mu     sync.Mutex // guards all that follows
	ops    []op
	names  map[string]int // live
	next   int            // inode
	seeded bool           // the identity is there
	db     []byte         // data.mdb as of the last commit
	dead   func() bool    // tells whether the process was killed
}

// errKilled is what a dead process gets: an error of the disk, so that the
// store stops at once.
var errKilled error = &fs.PathError{Op: "killed", Path: "disk", Err: syscall.EIO}

func newDisk(root string) *disk {
	return &disk{FS: durable.OS, tape: &tape{root: root, names: map[string]int{}, next: 1, dead: func() bool { return false }}}
}

// Over returns the same disk through another file system: that of a directory
// that is held.
func (d *disk) Over(fsys durable.FS) durable.FS { return &disk{fsys, d.tape} }

func (d *disk) rel(name string) string {
	rel, err := filepath.Rel(d.root, name)
	if err != nil || strings.HasPrefix(rel, "..") {
		return ""
	}
	return rel
}

// do lets a call through unless the process is dead, and writes it down. One
// lock around both keeps the order of the list that of the disk.
func (d *disk) do(call func() error, note func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead() {
		return errKilled
	}
	d.adoptSeed()
	if err := call(); err != nil {
		return err
	}
	note()
	return nil
}

// adopt takes in a file that was written past this file system, as durable:
// what writes it syncs it by itself. d.mu is held.
func (d *disk) adopt(rel string) int {
	if id, ok := d.names[rel]; ok {
		return id
	}
	b, err := os.ReadFile(filepath.Join(d.root, rel))
	if err != nil {
		return 0
	}
	id := d.number(rel)
	d.ops = append(d.ops, op{kind: opAdopt, inode: id, name: rel, data: b})
	return id
}

func (d *disk) number(rel string) int {
	id := d.next
	d.next++
	d.names[rel] = id
	return id
}

func (d *disk) create(rel string) int {
	id := d.number(rel)
	d.ops = append(d.ops, op{kind: opCreate, inode: id, name: rel})
	return id
}

// adoptSeed takes in the identity, which package identity writes and syncs by
// itself.
func (d *disk) adoptSeed() {
	if !d.seeded {
		d.seeded = d.adopt("identity.key") != 0
	}
}

func (d *disk) Open(name string, flag int, perm fs.FileMode) (f durable.File, err error) {
	rel := d.rel(name)
	var id int
	err = d.do(func() (err error) {
		f, err = d.FS.Open(name, flag, perm)
		return err
	}, func() {
		var known bool
		if id, known = d.names[rel]; !known && flag&os.O_CREATE != 0 {
			id = d.create(rel)
		} else if !known {
			id = d.adopt(rel)
		}
	})
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d, id}, nil
}

func (d *disk) Rename(from, to string) error {
	return d.do(func() error { return d.FS.Rename(from, to) }, func() {
		a, b := d.rel(from), d.rel(to)
		id, known := d.names[a]
		if !known {
			content, err := os.ReadFile(to)
			if err != nil {
				return
			}
			id = d.number(a)
			d.ops = append(d.ops, op{kind: opAdopt, inode: id, name: a, data: content})
		}
		delete(d.names, a)
		d.names[b] = id
		d.ops = append(d.ops, op{kind: opRename, inode: id, name: a, to: b})
	})
}

func (d *disk) Remove(name string) error {
	return d.do(func() error { return d.FS.Remove(name) }, func() {
		delete(d.names, d.rel(name))
		d.ops = append(d.ops, op{kind: opRemove, name: d.rel(name)})
	})
}

func (d *disk) RemoveAll(name string) error {
	return d.do(func() error { return d.FS.RemoveAll(name) }, func() {
		for have := range d.names {
			if have == d.rel(name) || strings.HasPrefix(have, d.rel(name)+"/") {
				delete(d.names, have)
				d.ops = append(d.ops, op{kind: opRemove, name: have})
			}
		}
		d.ops = append(d.ops, op{kind: opRemove, name: d.rel(name)})
	})
}

// MkdirAll goes step by step, as the rules of durable files have it.
func (d *disk) MkdirAll(name string, perm fs.FileMode) error {
	return durable.MkdirAll(d, func(name string, perm fs.FileMode) error {
		return d.do(func() error { return os.Mkdir(name, perm) }, func() {
			d.ops = append(d.ops, op{kind: opMkdir, name: d.rel(name)})
		})
	}, name, perm)
}

func (d *disk) SyncDir(name string) error {
	return d.do(func() error { return d.FS.SyncDir(name) }, func() {
		d.ops = append(d.ops, op{kind: opSyncDir, name: d.rel(name)})
	})
}

func (d *disk) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return durable.WriteFileAtomic(d, name, data, perm)
}

// fault is the AOF's hook: it writes down what each commit of LMDB changes.
func (d *disk) fault(event string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := filepath.Join("aof", "data.mdb")
	switch event {
	case "commit":
		if d.dead() {
			return errKilled
		}
		if id := d.adopt(name); d.db == nil {
			d.db, _ = os.ReadFile(filepath.Join(d.root, name))
			d.ops = append(d.ops, op{kind: opCommitBegin, inode: id})
			return nil
		}
		d.ops = append(d.ops, op{kind: opCommitBegin, inode: d.names[name]})
	case "committed":
		now, err := os.ReadFile(filepath.Join(d.root, name))
		if err != nil {
			return err
		}
		d.ops = append(d.ops, op{kind: opCommitEnd, inode: d.names[name], changes: sectorsOf(d.db, now)})
		d.db = now
	}
	return nil
}

// sectorsOf returns the sectors in which a file differs from what it was.
func sectorsOf(old, now []byte) (changes []change) {
	const metaPages = 2 * 4096
	for off := 0; off < len(now); off += sectorBytes {
		end := min(off+sectorBytes, len(now))
		if end > len(old) || !bytes.Equal(old[off:end], now[off:end]) {
			changes = append(changes, change{int64(off), now[off:end], off < metaPages})
		}
	}
	return changes
}

// named reports whether the last thing that happened was to a name. d.mu is held.
func (d *disk) named() bool {
	if len(d.ops) == 0 {
		return false
	}
	switch d.ops[len(d.ops)-1].kind {
	case opCreate, opMkdir, opRename:
		return true
	}
	return false
}

// ack writes down an acknowledgement.
func (d *disk) ack(log int, size uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, op{kind: opAck, log: log, acked: size})
}

// A diskFile is a file of a disk.
type diskFile struct {
	durable.File
	d     *disk
	inode int
}

func (f *diskFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.d.do(func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	}, func() {
		f.d.ops = append(f.d.ops, op{kind: opWrite, inode: f.inode, off: off, data: bytes.Clone(p)})
	})
	return n, err
}

func (f *diskFile) Sync() error {
	return f.d.do(f.File.Sync, func() { f.d.ops = append(f.d.ops, op{kind: opSync, inode: f.inode}) })
}

func (f *diskFile) Truncate(size int64) error {
	return f.d.do(func() error { return f.File.Truncate(size) }, func() { f.resized(size) })
}

func (f *diskFile) Preallocate(size int64) error {
	before, err := f.Size()
	if err != nil {
		return err
	}
	return f.d.do(func() error { return f.File.Preallocate(size) }, func() { f.resized(max(before, size)) })
}

func (f *diskFile) resized(size int64) {
	f.d.ops = append(f.d.ops, op{kind: opSize, inode: f.inode, size: size})
}
