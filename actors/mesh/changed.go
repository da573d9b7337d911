// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"log/slog"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// NetworkChanged says that this machine may be in another network, or was asleep.
// Connections whose address is gone are moved to another one if the carrier can. Every
// session asks its peer at once and ends if there is no answer soon; a peer that is
// not connected is dialed at once, whatever failed before.
func (n *Mesh) NetworkChanged() {
	transport.Move(n.Carrier)
	for _, s := range n.Live() {
		s.Check()
	}
	d := &n.dir
	d.mu.Lock()
	d.book.Hurry()
	for _, a := range d.dialing {
		if a.cancel != nil {
			a.moved = true
			a.cancel()
		}
	}
	d.mu.Unlock()
	n.Look()
}

// sleptFor is how far the clocks may part before it is taken for a sleep.
const sleptFor = 5 * time.Second

// clocks is the clocks of the machine when they were last looked at: one that stands
// still while it sleeps, one that may be put, and the one that the program was given.
// Sessions look with each beat, and the dialer if there is none: nothing wakes up for
// it.
type clocks struct {
	mu    sync.Mutex // guards what follows
	last  time.Time
	given time.Time
}

// jumped reports whether the machine slept since the last look, or somebody put
// its clock, which is not told apart and does no harm. A clock that was given may
// stand still, or be slow, and only tells of a sleep if it is ahead.
func (c *clocks) jumped(now, given time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, lastGiven := c.last, c.given
	if c.last, c.given = now, given.Round(0); last.IsZero() {
		return false
	}
	awake := now.Sub(last)
	return parted(awake, now.Round(0).Sub(last.Round(0))) || c.given.Sub(lastGiven)-awake > sleptFor
}

// parted compares what has passed by the one clock and by the other.
func parted(awake, wall time.Duration) bool { return (wall - awake).Abs() > sleptFor }

// Woke takes note that a session looked at the clocks of the machine.
func (n *Mesh) Woke(now time.Time) {
	if n.clocks.jumped(now, n.Now()) {
		n.Logger.Info("the clock jumped: peers are asked whether they are there", slog.Time("now", now))
		n.NetworkChanged()
	}
}
