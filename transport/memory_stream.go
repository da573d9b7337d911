// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// A memStream is one end of a stream: it reads one half and writes the other.
type memStream struct {
	conn   *memConn
	twin   *memStream
	in     *half
	out    *half
	opener bool
	shown  *sync.Once    // shared: the peer accepts the stream with its first sign of life
	live   *atomic.Int32 // shared: two ends to finish and one Accept to come
	ended  atomic.Bool
}

func newStream(c *memConn) *memStream {
	limit := c.pair.net.o.StreamBuffer
	there, back := newHalf(limit), newHalf(limit)
	s := &memStream{conn: c, in: back, out: there, opener: true, shown: new(sync.Once), live: new(atomic.Int32)}
	s.twin = &memStream{conn: c.pair.ends[1-c.side], twin: s, in: there, out: back, shown: s.shown, live: s.live}
	s.live.Store(3)
	return s
}

// show puts the stream where the peer accepts it; the slot its opener holds
// means that there is room.
func (s *memStream) show() {
	if s.opener {
		s.shown.Do(func() { s.twin.conn.accept <- s.twin })
	}
}

func (s *memStream) Read(b []byte) (int, error) {
	n, err := s.in.read(b)
	s.conn.in.Add(uint64(n))
	if err != nil {
		s.finish()
	}
	return n, err
}

func (s *memStream) Write(b []byte) (int, error) {
	var wrote int
	for {
		if len(b) > 0 {
			s.show()
		}
		n, err := s.writeSome(b[wrote:])
		wrote += n
		if err != nil || wrote == len(b) {
			return wrote, err
		}
	}
}

// writeSome writes what there is room for, at least a byte, and cuts the link
// if a test asked for it.
func (s *memStream) writeSome(b []byte) (int, error) {
	room, err := s.out.wait(len(b))
	if err != nil || len(b) == 0 {
		return 0, err
	}
	p := s.conn.pair
	pass, delay, cut := p.net.spend(p.link, room)
	n, err := s.out.put(b[:pass], delay)
	s.conn.out.Add(uint64(n))
	if cut {
		p.net.mu.Lock()
		pairs := p.link.take()
		p.net.mu.Unlock()
		lose(pairs, "cut after so many bytes")
		return n, s.conn.Err()
	}
	return n, err
}

func (s *memStream) CloseWrite() error {
	s.show()
	err := s.out.closeWrite()
	s.finish()
	return err
}

func (s *memStream) Cancel(code uint64) {
	s.show()
	here, there := &StreamError{Code: code}, &StreamError{Code: code, Remote: true}
	s.in.fail(here, there)
	s.out.failWriter(there, here)
	s.finish()
	s.twin.finish()
}

func (s *memStream) SetReadDeadline(t time.Time) error {
	s.in.reading.set(t)
	return nil
}

func (s *memStream) SetWriteDeadline(t time.Time) error {
	s.out.writing.set(t)
	return nil
}

// abort fails both halves for a closed connection; here is what s is told.
func (s *memStream) abort(here, there error) {
	s.in.fail(here, there)
	s.out.fail(there, here)
}

// finish notes that this end has read and written all it will.
func (s *memStream) finish() {
	if s.in.readDone() && s.out.writeDone() && s.ended.CompareAndSwap(false, true) {
		s.release()
	}
}

// release takes one hold off the stream. With the last one the stream is
// forgotten and its opener may open another.
func (s *memStream) release() {
	if s.live.Add(-1) > 0 {
		return
	}
	opener := s
	if !s.opener {
		opener = s.twin
	}
	p := s.conn.pair
	p.mu.Lock()
	delete(p.streams, opener)
	p.mu.Unlock()
	<-opener.conn.slots
}
