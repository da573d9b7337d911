// SPDX-License-Identifier: MPL-2.0

package pipenet

import (
	"io"
	"net"
	"sync"
	"time"
)

// asConn makes a net.Conn of rw. An rw without deadlines is read and written by
// two goroutines, which end with it: a Read or Write that Close does not wake, as that
// of a terminal, keeps one of them until it returns.
func asConn(rw io.ReadWriteCloser) net.Conn {
	if c, ok := rw.(net.Conn); ok {
		return c
	}
	near, far := net.Pipe()
	p := &pipe{Conn: near, shut: sync.OnceFunc(func() { rw.Close() }), wrote: make(chan struct{})}
	go func() {
		io.Copy(far, rw)
		far.Close()
	}()
	go func() {
		io.Copy(rw, far)
		far.Close()
		close(p.wrote)
		p.shut()
	}()
	return p
}

// A pipe is the near end.
type pipe struct {
	net.Conn
	shut  func()
	wrote chan struct{} // closed once nothing more is written
}

// lastWrite bounds how long Close waits for a last write to be taken.
const lastWrite = time.Second

// Close lets what was written go out, and closes rw, also if nobody takes it.
func (p *pipe) Close() error {
	err := p.Conn.Close()
	late := time.NewTimer(lastWrite)
	defer late.Stop()
	select {
	case <-p.wrote:
	case <-late.C:
	}
	p.shut()
	return err
}
