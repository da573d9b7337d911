// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/messages"
)

const (
	checkpointPages = 256                    // full pages, of all logs, that are synced together
	checkpointDelay = 500 * time.Millisecond // the longest that a full page waits for others
	remotePause     = 25 * time.Millisecond  // from one round to the next for pages of a peer
)

// A checkpointer syncs the files of logs whose pages became full, many pages
// at a time and beside the pipeline, and reports how far they are sealed. It
// outlives the MMR indexer, which feeds it: a restart forgets no page.
type checkpointer struct {
	sync   func(digest.Hash) error // syncs the files of one log
	sealed func(*messages.Sealed)
	failed func(digest.Hash, error)

	mu      sync.Mutex // guards all below
	pending map[digest.Hash]*messages.Sealed
	pages   int
	timer   *time.Timer
	due     time.Time // of timer, if there is one
	begun   time.Time // when the last round began
	running bool
	closed  bool
	idle    *sync.Cond // broadcast when running becomes false
}

func newCheckpointer(syncFiles func(digest.Hash) error, sealed func(*messages.Sealed), failed func(digest.Hash, error)) *checkpointer {
	c := &checkpointer{sync: syncFiles, sealed: sealed, failed: failed, pending: map[digest.Hash]*messages.Sealed{}}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// note takes up that the files of a log reach further. Pages of a peer become
// durable only by being synced, and somebody waits for that: the first are synced at once,
// and those of a long transfer, of which some come all the time, together.
func (c *checkpointer) note(m messages.Sealed, pages int) {
	if m.Size == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.pending[m.Log]; old != nil && old.Epoch == m.Epoch && old.Size >= m.Size {
		return
	}
	c.pending[m.Log] = &m
	c.pages += pages
	switch {
	case c.closed:
	case c.pages >= checkpointPages:
		c.start()
	case m.Remote != nil:
		c.by(c.begun.Add(remotePause))
	default:
		c.by(time.Now().Add(checkpointDelay))
	}
}

// by has what is pending synced at due, or before; c.mu is held.
func (c *checkpointer) by(due time.Time) {
	wait := time.Until(due)
	switch {
	case wait <= 0:
		c.start()
	case c.timer == nil:
		c.due, c.timer = due, time.AfterFunc(wait, c.flush)
	case due.Before(c.due) && c.timer.Stop():
		c.due = due
		c.timer.Reset(wait)
	}
}

// flush syncs what is pending now.
func (c *checkpointer) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = nil
	if !c.closed {
		c.start()
	}
}

// start begins a round unless one is running; c.mu is held.
func (c *checkpointer) start() {
	if c.running || len(c.pending) == 0 {
		return
	}
	c.running, c.begun = true, time.Now()
	round := c.take()
	go c.run(round)
}

func (c *checkpointer) take() map[digest.Hash]*messages.Sealed {
	round := c.pending
	c.pending, c.pages = map[digest.Hash]*messages.Sealed{}, 0
	return round
}

func (c *checkpointer) run(round map[digest.Hash]*messages.Sealed) {
	left := c.round(round)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	c.idle.Broadcast()
	if c.closed {
		return
	}
	c.next()
	for _, m := range left {
		c.put(m)
	}
	c.later()
}

// next begins the next round, or says when; c.mu is held.
func (c *checkpointer) next() {
	if c.pages >= checkpointPages {
		c.start()
		return
	}
	for _, m := range c.pending {
		if m.Remote != nil {
			c.by(c.begun.Add(remotePause))
			return
		}
	}
}

// later sees to it that what is pending is synced some time; c.mu is held.
func (c *checkpointer) later() {
	if len(c.pending) > 0 && !c.closed {
		c.by(time.Now().Add(checkpointDelay))
	}
}

// put makes m pending unless something newer of its log is; c.mu is held.
func (c *checkpointer) put(m *messages.Sealed) {
	if c.pending[m.Log] == nil {
		c.pending[m.Log] = m
	}
}

// again takes back what was reported and could not be committed now.
func (c *checkpointer) again(sealed []*messages.Sealed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range sealed {
		c.put(m)
	}
	c.later()
}

// round syncs logs and returns those that are left to be tried again, for want
// of a descriptor or of memory.
func (c *checkpointer) round(round map[digest.Hash]*messages.Sealed) (left map[digest.Hash]*messages.Sealed) {
	left = map[digest.Hash]*messages.Sealed{}
	for log, m := range round {
		err := c.sync(log)
		switch {
		case durable.TroubleOf(err) == durable.Exhausted:
			left[log] = m
		case err != nil:
			c.failed(log, err)
		default:
			c.sealed(m)
		}
	}
	return left
}

// drop forgets what is pending of a log whose stages were reset.
func (c *checkpointer) drop(log digest.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, log)
}

// close waits for the round under way and, if flush is set, syncs the rest.
func (c *checkpointer) close(flush bool) {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	for c.running {
		c.idle.Wait()
	}
	rest := c.take()
	c.mu.Unlock()
	if flush {
		c.round(rest)
	}
}
