// SPDX-License-Identifier: MPL-2.0

package torn

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// An image is what of a disk may be left after a power cut: all that was synced,
// and of the rest any part, in any order.
type image struct {
	files map[int]*file
	dirs  map[string]*dir // by name
	lost  func(op) bool   // a sync that does nothing: the control
}

// A file is the content of an inode: what is durable, and what was done since.
type file struct {
	content []byte
	pending []op // opWrite and opSize
}

// A dir is the names of a directory.
type dir struct {
	names   map[string]int // base name to inode, or to 0 for a directory
	pending []op           // opCreate, opMkdir, opRename, opRemove
}

const directory = 0

func newImage(lost func(op) bool) *image {
	return &image{files: map[int]*file{}, dirs: map[string]*dir{".": {names: map[string]int{}}}, lost: lost}
}

// apply takes in what happened before the cut.
func (m *image) apply(o op) {
	switch o.kind {
	case opWrite, opSize:
		f := m.file(o.inode)
		f.pending = append(f.pending, o)
	case opAdopt:
		m.file(o.inode).content = slices.Clone(o.data)
		m.in(o.name).names[filepath.Base(o.name)] = o.inode
	case opSync:
		if !m.lost(o) {
			m.file(o.inode).settle()
		}
	case opCreate, opMkdir, opRemove:
		m.in(o.name).pending = append(m.in(o.name).pending, o)
	case opRename:
		m.in(o.to).pending = append(m.in(o.to).pending, o)
		if filepath.Dir(o.to) != filepath.Dir(o.name) {
			gone := op{kind: opRemove, name: o.name}
			m.in(o.name).pending = append(m.in(o.name).pending, gone)
		}
	case opSyncDir:
		if d := m.dirs[o.name]; d != nil && !m.lost(o) {
			d.settle(len(d.pending))
		}
	case opCommitEnd:
		f := m.file(o.inode)
		for _, c := range o.changes {
			f.pending = append(f.pending, op{kind: opWrite, off: c.off, data: c.data})
		}
		if !m.lost(o) {
			f.settle()
		}
	}
}

// under takes in a commit of LMDB that the cut struck: any of its data, or all
// of it and the meta page too.
func (m *image) under(o op, rnd *rand.Rand) {
	f := m.file(o.inode)
	whole := rnd.IntN(3) == 0
	for _, c := range o.changes {
		switch {
		case whole:
			f.settle()
			f.pending = append(f.pending, op{kind: opWrite, off: c.off, data: c.data})
			f.settle()
		case !c.meta:
			f.pending = append(f.pending, op{kind: opWrite, off: c.off, data: c.data})
		}
	}
}

func (m *image) file(inode int) *file {
	if m.files[inode] == nil {
		m.files[inode] = &file{}
	}
	return m.files[inode]
}

// in returns the directory that a name is in.
func (m *image) in(name string) *dir {
	parent := filepath.Dir(name)
	if m.dirs[parent] == nil {
		m.dirs[parent] = &dir{names: map[string]int{}}
	}
	return m.dirs[parent]
}

// settle makes all that was done durable.
func (f *file) settle() {
	for _, o := range f.pending {
		f.content = put(f.content, o, func() bool { return true })
	}
	f.pending = nil
}

// put does one write or change of size, as far as keep lets each sector through.
func put(content []byte, o op, keep func() bool) []byte {
	if o.kind == opSize {
		if keep() {
			content = resize(content, int(o.size))
		}
		return content
	}
	for at := 0; at < len(o.data); {
		off := int(o.off) + at
		n := min(sectorBytes-off%sectorBytes, len(o.data)-at)
		if keep() {
			if off+n > len(content) {
				content = resize(content, off+n)
			}
			copy(content[off:], o.data[at:at+n])
		}
		at += n
	}
	return content
}

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}

// settle makes the first n changes of names durable.
func (d *dir) settle(n int) {
	for _, o := range d.pending[:n] {
		name := filepath.Base(o.name)
		switch o.kind {
		case opCreate:
			d.names[name] = o.inode
		case opMkdir:
			d.names[name] = directory
		case opRemove:
			delete(d.names, name)
		case opRename:
			if filepath.Dir(o.name) == filepath.Dir(o.to) {
				delete(d.names, name)
			}
			d.names[filepath.Base(o.to)] = o.inode
		}
	}
	d.pending = slices.Clone(d.pending[n:])
}

// write makes the files of the image below root. Content that was not synced is kept
// or lost as rnd has it: all, nothing, or each sector by itself.
func (m *image) write(root string, rnd *rand.Rand) error {
	luck := rnd.IntN(4) // 0 loses all, 1 keeps all
	keep := func() bool { return luck == 1 || luck > 1 && rnd.IntN(2) == 0 }
	return m.writeDir(root, ".", luck, keep, rnd)
}

func (m *image) writeDir(root, name string, luck int, keep func() bool, rnd *rand.Rand) error {
	if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
		return err
	}
	d := m.dirs[name]
	if d == nil {
		return nil
	}
	switch luck {
	case 0:
	case 1:
		d.settle(len(d.pending))
	default:
		d.settle(rnd.IntN(len(d.pending) + 1))
	}
	bases := make([]string, 0, len(d.names))
	for base := range d.names {
		bases = append(bases, base)
	}
	slices.Sort(bases) // the same image for the same seed
	for _, base := range bases {
		path := filepath.Join(name, base)
		if d.names[base] == directory {
			if err := m.writeDir(root, path, luck, keep, rnd); err != nil {
				return err
			}
			continue
		}
		f := m.file(d.names[base])
		content := slices.Clone(f.content)
		for _, o := range f.pending {
			content = put(content, o, keep)
		}
		if err := os.WriteFile(filepath.Join(root, path), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
