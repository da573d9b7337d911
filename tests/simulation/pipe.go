// SPDX-License-Identifier: MPL-2.0

package simulation

import "time"

// window is how many bytes a stream has under way before its writer waits.
const window = 64 << 10

// resend is how long it takes at most until a link that works again is noticed.
const resend = 3 * time.Second

// A pipe is one direction of one stream: bytes come in order, late, or not at
// all once the connection is broken.
type pipe struct {
	c       *conn
	from    *peer
	queue   []packet
	bytes   int           // under way
	free    time.Duration // when the link has sent what was written
	last    time.Duration // when what was written last arrives
	waiting bool          // for the front of the queue
	closed  bool
	take    func([]byte) // at the other end; nil bytes are the end of the stream
	room    func()       // the writer may go on
}

type packet struct {
	at time.Duration
	b  []byte
}

func (c *conn) pipe(from *peer, take func([]byte)) *pipe {
	q := &pipe{c: c, from: from, take: take}
	if q.closed = c.broken; !q.closed {
		c.pipes = append(c.pipes, q)
	}
	return q
}

// write sends bytes, or with nil the end of the stream.
func (q *pipe) write(b []byte) {
	if q.closed {
		return
	}
	w, g := q.c.edge.w, q.c.edge
	w.stats.Bytes += len(b)
	q.free = max(q.free, w.now) + time.Duration(len(b))*time.Second/time.Duration(g.rate)
	at := q.free + g.latency
	if w.opt.Faults.Has(Delay) && !w.calm {
		at += between(w.net, 0, g.latency)
		for rto := 200 * time.Millisecond; w.net.Float64() < g.loss && rto < 10*time.Second; rto *= 2 {
			at += rto
		}
	}
	q.last = max(q.last, at)
	q.bytes += len(b)
	q.queue = append(q.queue, packet{q.last, b})
	q.wait()
}

// wait makes the front of the queue arrive when its time has come.
func (q *pipe) wait() {
	if q.waiting || len(q.queue) == 0 || q.closed || q.c.dark {
		return
	}
	q.waiting = true
	w := q.c.edge.w
	at := q.queue[0].at
	if until := q.c.edge.blocked[q.from]; until > w.now { // it is sent again now and then
		at = max(at, min(until, w.now+resend))
	}
	w.after(at-w.now, q.arrive)
}

func (q *pipe) arrive() {
	q.waiting = false
	if q.closed || q.c.dark {
		return
	}
	if !q.c.edge.blockedFrom(q.from) {
		b := q.queue[0].b
		q.queue = q.queue[1:]
		q.bytes -= len(b)
		q.take(b)
		if q.room != nil {
			q.room()
		}
	}
	q.wait()
}

// full reports whether the writer is to wait.
func (q *pipe) full() bool { return q.bytes >= window }

// drop ends the stream: what is under way is lost.
func (q *pipe) drop() { q.closed, q.queue = true, nil }
