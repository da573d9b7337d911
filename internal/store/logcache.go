// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

const (
	// maxKeptLogs is how many logs are kept in memory though nobody holds them, at
	// about 3 KB each.
	maxKeptLogs = 2048

	// sweepSteps is how many kept logs are looked at if there are too many: so
	// finding a log costs the same whatever is kept.
	sweepSteps = 8
)

// A logCache finds the logs that are in memory. A log stays there as long as
// somebody holds it, and everybody who asks finds the same one. The cache itself
// holds those that were asked for last, and those that have something under way.
type logCache struct {
	max    int           // logs to hold; more are held only if something is under way in them
	epochs atomic.Uint64 // the last that a log was given; see messages.Batch

	mu       sync.RWMutex // guards what follows, and Log.kept
	logs     map[digest.Hash]weak.Pointer[Log]
	loading  map[digest.Hash]*loading
	kept     []*Log // a clock of those that are held
	hand     int
	heads    map[digest.Hash]proof.Head // of our own logs that were put out, not in their rows yet
	prepared numbers                    // of logs whose files were brought in order
}

// errCutShort is what those get who waited for a load that panicked.
var errCutShort = errors.New("loading the log was cut short")

// A loading is a log on its way into memory.
type loading struct {
	done  chan struct{}
	l     *Log
	err   error
	again bool // it was not to be loaded after all
}

func (c *logCache) init(max int) {
	c.max = max
	c.prepared = numbers{}
	c.forget()
}

// forget drops all logs, so that they are loaded anew.
func (c *logCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logs, c.loading = map[digest.Hash]weak.Pointer[Log]{}, map[digest.Hash]*loading{}
	c.kept, c.hand, c.heads = nil, 0, map[digest.Hash]proof.Head{}
}

// find returns a log that is in memory, or nil.
func (c *logCache) find(id digest.Hash) *Log {
	c.mu.RLock()
	l := c.logs[id].Value()
	held := l != nil && l.kept
	c.mu.RUnlock()
	if held {
		l.used.Store(true)
	} else if l != nil {
		c.keep(l)
	}
	return l
}

// keep holds a log as one that was just asked for.
func (c *logCache) keep(l *Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.used.Store(true)
	if !l.kept && c.logs[l.ID].Value() == l {
		l.kept = true
		delete(c.heads, l.ID)
		c.kept = append(c.kept, l)
	}
	c.sweep()
}

// sweep puts out some of what is too much; c.mu is held.
func (c *logCache) sweep() {
	for range sweepSteps {
		if len(c.kept) <= c.max {
			return
		}
		c.hand = (c.hand + 1) % len(c.kept)
		if l := c.kept[c.hand]; !l.used.Swap(false) && !l.underWay() {
			c.putOut(c.hand)
		}
	}
}

// putOut gives up a log; c.mu is held. A head that was signed and is not in its row is
// kept.
func (c *logCache) putOut(i int) {
	l, last := c.kept[i], len(c.kept)-1
	c.kept[i], c.kept[last] = c.kept[last], nil
	c.kept, l.kept = c.kept[:last], false
	if h := l.newestSigned(); h.Size > l.Row().HeadSize {
		c.heads[l.ID] = h
	}
}

// underWay reports whether a log loaded from its row would be another: a stage
// has something of it, or what is committed is not known to everybody yet.
func (l *Log) underWay() bool {
	p, row := l.Whole(), l.Row()
	return p.Size != row.Size || p.Pages != row.SealedPages || l.segmented.Load() > row.Size || l.frozen.Load() != l.isFrozen(row)
}

// evict forgets a log, which is read from its row again; whoever holds it has what it was.
func (c *logCache) evict(l *Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.logs[l.ID].Value() == l {
		delete(c.logs, l.ID)
	}
	delete(c.heads, l.ID)
	if i := slices.Index(c.kept, l); i >= 0 {
		last := len(c.kept) - 1
		c.kept[i], c.kept[last] = c.kept[last], nil
		c.kept, l.kept = c.kept[:last], false
	}
}

// load returns a log that is in memory, or what read makes of it; of those who
// ask at once, one reads.
func (c *logCache) load(id digest.Hash, read func(digest.Hash) (*Log, error)) (*Log, error) {
	l, late, err := c.loadOnce(id, read)
	if late && err != nil { // what the other saw may be older than the question
		l, _, err = c.loadOnce(id, read)
	}
	return l, err
}

// loadOnce is load; late says that it waited for a read that had begun before.
func (c *logCache) loadOnce(id digest.Hash, read func(digest.Hash) (*Log, error)) (l *Log, late bool, err error) {
	if l := c.find(id); l != nil {
		return l, false, nil
	}
	c.mu.Lock()
	if l := c.logs[id].Value(); l != nil {
		c.mu.Unlock()
		c.keep(l)
		return l, false, nil
	}
	if w := c.loading[id]; w != nil {
		c.mu.Unlock()
		if <-w.done; w.again {
			return c.loadOnce(id, read)
		}
		return w.l, true, w.err
	}
	w := &loading{done: make(chan struct{}), err: errCutShort}
	c.loading[id] = w
	c.mu.Unlock()
	defer c.loaded(id, w)
	w.l, w.err = read(id)
	return w.l, false, w.err
}

func (c *logCache) loaded(id digest.Hash, w *loading) {
	c.mu.Lock()
	if c.loading[id] == w {
		delete(c.loading, id)
	}
	if w.l != nil {
		if h, ok := c.heads[id]; ok {
			w.l.signed.Store(&h)
		}
		c.logs[id] = weak.Make(w.l)
		runtime.AddCleanup(w.l, collected, collectedLog{weak.Make(c), id})
	}
	c.mu.Unlock()
	if w.l != nil {
		c.keep(w.l)
	}
	close(w.done)
}

// A collectedLog is a log that nobody holds any more.
type collectedLog struct {
	cache weak.Pointer[logCache] // which holds logs itself
	id    digest.Hash
}

func collected(x collectedLog) {
	c := x.cache.Value()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.logs[x.id]; ok && p.Value() == nil {
		delete(c.logs, x.id)
	}
}

// absent runs fn while a log is not in memory and nobody loads it, so that its row
// is what everybody sees; else it returns the log.
func (c *logCache) absent(id digest.Hash, fn func() error) (*Log, error) {
	for {
		c.mu.Lock()
		l, w := c.logs[id].Value(), c.loading[id]
		if l == nil && w == nil {
			w = &loading{done: make(chan struct{}), again: true}
			c.loading[id] = w
			c.mu.Unlock()
			defer c.loaded(id, w)
			return nil, fn()
		}
		c.mu.Unlock()
		if l != nil {
			return l, nil
		}
		<-w.done
	}
}

// ownHead returns the newest head of a log of ours that was signed since the store
// was opened, or the zero head.
func (c *logCache) ownHead(id digest.Hash) proof.Head {
	if l := c.find(id); l != nil {
		return l.newestSigned()
	}
	return c.headOf(id)
}

// headOf returns the head that was kept of a log of ours when it was put out, or the
// zero head.
func (c *logCache) headOf(id digest.Hash) proof.Head {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.heads[id]
}

// ownLogs returns the logs of ours that were loaded since the store was opened.
func (c *logCache) ownLogs() (ids []digest.Hash) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for id := range c.heads {
		ids = append(ids, id)
	}
	for id, p := range c.logs {
		if l := p.Value(); l != nil && l.Own && c.heads[id] == (proof.Head{}) {
			ids = append(ids, id)
		}
	}
	return ids
}

// prepare runs fn once for the files of a log, unless it fails.
func (c *logCache) prepare(num uint32, fn func() error) error {
	c.mu.RLock()
	done := c.prepared.has(num)
	c.mu.RUnlock()
	if done {
		return nil
	}
	if err := fn(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepared.add(num)
	return nil
}

// numbers is a set of numbers of logs (Log.Num), a bit each.
type numbers map[uint32]uint64

func (n numbers) has(num uint32) bool { return n[num/64]&(1<<(num%64)) != 0 }
func (n numbers) add(num uint32)      { n[num/64] |= 1 << (num % 64) }
