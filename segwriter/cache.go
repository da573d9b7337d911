// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A resource is an open file with what is known of it.
type resource interface {
	sync() error
	close() error
	where() (path string, written durable.File)
}

type fileKind uint8

const (
	segFile fileKind = iota
	treeFile
	mmrFile
)

type itemKey struct {
	log     *Log
	kind    fileKind
	segment uint64
}

// An item is a place in the cache. It stays open while it is referenced, by a
// page that was handed out or a call under way.
type item struct {
	key itemKey

	refs       int   // guarded by cache.mu
	gone       bool  // not in the cache any more: close at the last release; guarded by cache.mu
	prev, next *item // in the list of those without references; guarded by cache.mu

	mu    sync.Mutex // guards what follows; held while the resource is opened, synced or closed
	res   resource   // nil before it is opened and after it is closed
	dirty bool       // written to, and not synced since

	path   string // of the file that was synced last
	synced fs.FileInfo
}

// A cache keeps the files of all logs open, at most max of them and those in
// use. The least recently used one is closed first, and is synced before that
// if it was written to.
type cache struct {
	mu     sync.Mutex // guards all but max
	max    int
	closed bool
	items  map[itemKey]*item
	idle   item // ring: idle.next was used last
}

func newCache(max int) *cache {
	c := &cache{max: max, items: make(map[itemKey]*item)}
	c.idle.prev, c.idle.next = &c.idle, &c.idle
	return c
}

// acquire returns the item of that key, opened, with a reference.
func (c *cache) acquire(key itemKey, open func(itemKey) (resource, error)) (*item, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	it := c.items[key]
	if it == nil {
		it = &item{key: key}
		c.items[key] = it
	}
	c.hold(it)
	stale := c.surplus()
	c.mu.Unlock()
	evict(stale)

	it.mu.Lock()
	defer it.mu.Unlock()
	if it.res != nil {
		return it, nil
	}
	res, err := open(key)
	if err != nil {
		c.discard(it)
		return nil, err
	}
	it.res = res
	return it, nil
}

// hold adds a reference; c.mu is held.
func (c *cache) hold(it *item) {
	if it.refs == 0 {
		it.unlink()
	}
	it.refs++
}

// release gives up a reference and closes what is too much.
func (c *cache) release(it *item) {
	c.mu.Lock()
	it.refs--
	var stale []*item
	closing := it.refs == 0 && it.gone
	if it.refs == 0 && !it.gone {
		it.link(&c.idle)
		stale = c.surplus()
	}
	c.mu.Unlock()
	evict(stale)
	if closing {
		it.log().latchOn(it.close())
	}
}

// surplus takes out what is idle and more than there may be; c.mu is held.
func (c *cache) surplus() (stale []*item) {
	for len(c.items) > c.max && c.idle.prev != &c.idle {
		stale = append(stale, c.idle.prev)
		c.remove(c.idle.prev)
	}
	return stale
}

// shrink closes half of the files that are idle, and reports whether there was
// one.
func (c *cache) shrink() bool {
	c.mu.Lock()
	idle := 0
	for it := c.idle.next; it != &c.idle; it = it.next {
		idle++
	}
	var stale []*item
	for range (idle + 1) / 2 {
		stale = append(stale, c.idle.prev)
		c.remove(c.idle.prev)
	}
	c.mu.Unlock()
	evict(stale)
	return idle > 0
}

// discard gives up the reference to an item that could not be opened.
func (c *cache) discard(it *item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if it.refs--; it.refs > 0 || it.gone {
		return
	}
	c.remove(it)
}

// remove takes an item out of the cache; c.mu is held.
func (c *cache) remove(it *item) {
	it.unlink()
	it.gone = true
	delete(c.items, it.key)
}

// drop takes out the items of a log, or of all logs for nil, and closes them,
// those in use when they are released. It returns how many those are.
func (c *cache) drop(l *Log) (busy int, err error) {
	c.mu.Lock()
	c.closed = c.closed || l == nil
	var stale []*item
	for key, it := range c.items {
		if l != nil && key.log != l {
			continue
		}
		c.remove(it)
		if it.refs > 0 {
			busy++
		} else {
			stale = append(stale, it)
		}
	}
	c.mu.Unlock()
	return busy, closeItems(stale)
}

// busy counts the items of a log that are in use.
func (c *cache) busy(l *Log) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, it := range c.items {
		if key.log == l && it.refs > 0 {
			n++
		}
	}
	return n
}

// retire takes out the item of one key, whose file was replaced: who holds it
// keeps the old one, and whoever asks from now on opens the new one.
func (c *cache) retire(key itemKey) error {
	c.mu.Lock()
	it := c.items[key]
	var stale []*item
	if it != nil {
		idle := it.refs == 0
		c.remove(it)
		if idle {
			stale = append(stale, it)
		}
	}
	c.mu.Unlock()
	return closeItems(stale)
}

func closeItems(items []*item) error {
	var errs []error
	for _, it := range items {
		errs = append(errs, it.close())
	}
	return errors.Join(errs...)
}

// evict syncs and closes items that nobody uses. An error is that of the log
// whose file it is, which takes no more writes.
func evict(items []*item) {
	for _, it := range items {
		it.log().latchOn(it.flush())
		it.log().latchOn(it.close())
	}
}

func (it *item) log() *Log { return it.key.log }

// mark notes that the resource was written to.
func (it *item) mark() {
	it.mu.Lock()
	it.dirty = true
	it.mu.Unlock()
}

// flush syncs what was written. A sync that failed is not tried again: the
// kernel may have dropped what it was to write.
func (it *item) flush() error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if !it.dirty {
		return nil
	}
	it.dirty = false
	if err := it.res.sync(); err != nil {
		return err
	}
	path, f := it.res.where()
	info, err := f.Stat()
	it.path, it.synced = path, info
	return err
}

// inPlace returns a *durable.ChangedError if the file that was synced is not the
// one under its name any more.
func (it *item) inPlace(fsys durable.FS) error {
	it.mu.Lock()
	path, info := it.path, it.synced
	it.mu.Unlock()
	return durable.SameInfo(fsys, path, info)
}

// close closes the resource; what was written and is not synced stays so.
func (it *item) close() error {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.dirty = false
	if it.res == nil {
		return nil
	}
	res := it.res
	it.res = nil
	return res.close()
}

func (it *item) link(list *item) {
	it.prev, it.next = list, list.next
	it.prev.next, it.next.prev = it, it
}

func (it *item) unlink() {
	if it.next != nil {
		it.prev.next, it.next.prev = it.next, it.prev
		it.prev, it.next = nil, nil
	}
}
