// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"sync"
)

// A dirtySet holds the files of one kind that were written and not synced.
// Each has a reference, so that it stays open until it is synced.
type dirtySet struct {
	syncing sync.Mutex // one sync at a time: who comes second waits for the first

	mu    sync.Mutex
	files map[*item]bool
	dirs  map[string]bool // with new names
}

// add marks a file, and with dir the directory that has its new name.
func (d *dirtySet) add(c *cache, it *item, dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files == nil {
		d.files, d.dirs = make(map[*item]bool), make(map[string]bool)
	}
	if !d.files[it] {
		c.retain(it)
		d.files[it] = true
	}
	if dir != "" {
		d.dirs[dir] = true
	}
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
// before its name is.
func (d *dirtySet) sync(c *cache, syncDir func(string) error) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	files, dirs := d.take()
	var errs []error
	for it := range files {
		errs = append(errs, it.res.sync(), c.release(it))
	}
	for dir := range dirs {
		errs = append(errs, syncDir(dir))
	}
	return errors.Join(errs...)
}

// forget empties the set without syncing.
func (d *dirtySet) forget(c *cache) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	files, _ := d.take()
	var errs []error
	for it := range files {
		errs = append(errs, c.release(it))
	}
	return errors.Join(errs...)
}
