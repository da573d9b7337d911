// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"sync"
	"time"
)

// A deadline is a channel that is closed when its time has come.
type deadline struct {
	mu    sync.Mutex // guards all below
	timer *time.Timer
	turn  uint64 // counts calls of set, so that a timer knows it is stale
	done  chan struct{}
}

// wait returns the channel; made here so that the zero value works.
func (d *deadline) wait() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

func (d *deadline) passed() bool {
	select {
	case <-d.wait():
		return true
	default:
		return false
	}
}

// set starts over with time t; zero means never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if t.IsZero() && d.done == nil {
		return
	}
	if d.done == nil || closed(d.done) {
		d.done = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		close(d.done)
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() { d.expire(turn) })
}

// expire ends the wait, unless set was called after the timer was made.
func (d *deadline) expire(turn uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn == turn {
		close(d.done)
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
