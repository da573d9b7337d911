// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A dirtySet is what of a log's files of one kind was written since they were
// synced together. Some may have been synced and closed by then, to make room
// for others.
type dirtySet struct {
	syncing sync.Mutex // one sync at a time: who comes second waits for the first

	mu    sync.Mutex // guards files and dirs
	files map[*item]bool
	dirs  map[string]bool // with new names
}

// add marks a file that was just written to, and with dir the directory that has
// its new name.
func (d *dirtySet) add(it *item, dir string) {
	it.mark()
	d.keep(it, dir)
}

// names reports whether names wait for a sync.
func (d *dirtySet) names() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dirs) > 0
}

// take empties the set.
func (d *dirtySet) take() (files map[*item]bool, dirs map[string]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files, dirs = d.files, d.dirs
	d.files, d.dirs = nil, nil
	return files, dirs
}

// sync makes all that was written before the call durable. A file is synced
// before its name is, and then has to be the one under it still: what is here is
// deleted elsewhere. A name for which there was no descriptor is kept for the
// next call: nothing of it was tried.
func (d *dirtySet) sync(fsys durable.FS) (failed, exhausted error) {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	files, dirs := d.take()
	var errs []error
	for it := range files {
		errs = append(errs, it.flush())
	}
	for dir := range dirs {
		err := fsys.SyncDir(dir)
		if durable.TroubleOf(err) == durable.Exhausted {
			d.keep(nil, dir)
			exhausted = err
			continue
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err, exhausted
	}
	for it := range files {
		err := it.inPlace(fsys)
		if durable.TroubleOf(err) == durable.Exhausted {
			d.keep(it, "")
			exhausted = err
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...), exhausted
}

// keep marks a file or a directory, each if there is one.
func (d *dirtySet) keep(it *item, dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files == nil {
		d.files, d.dirs = make(map[*item]bool), make(map[string]bool)
	}
	if it != nil {
		d.files[it] = true
	}
	if dir != "" {
		d.dirs[dir] = true
	}
}

// replace lets do put another file of ours under the name of one, and takes the
// marks of the old one off if it did: what was written there is in the new one.
func (d *dirtySet) replace(key itemKey, do func() (renamed bool, err error)) (renamed bool, err error) {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	renamed, err = do()
	d.mu.Lock()
	defer d.mu.Unlock()
	for it := range d.files {
		if renamed && it.key == key {
			delete(d.files, it)
		}
	}
	return renamed, err
}

// forget empties the set without syncing.
func (d *dirtySet) forget() {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	files, _ := d.take()
	for it := range files {
		it.mu.Lock()
		it.dirty = false
		it.mu.Unlock()
	}
}
