// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// SyncOver and ServeOver carry the command's pipes to the node. The call is
// answered with 101 Switching Protocols, and from there on both sides send
// frames: a length of 4 bytes (big-endian), at most 64 KiB, and so many bytes.
// Length 0 is the end: of the pipe if the command says it, and of the call
// if the node does, which adds the usual line with the outcome.
const (
	pipeProtocol  = "xaeroflux-pipe"
	maxPipeFrame  = 64 << 10
	maxPipeBody   = 64 << 10
	maxPipeAnswer = 64 << 10
)

var errPipeFrame = errors.New("a frame of a pipe to the node is over its limit")

// A pipe is one end of what goes over the connection, as a pair of pipes.
type pipe struct {
	conn net.Conn
	in   *bufio.Reader
	left int // of the frame that is being read

	mu     sync.Mutex // guards closed
	closed bool
}

// Read reads on through frames; io.EOF is the other side's end.
func (p *pipe) Read(b []byte) (int, error) {
	for p.left == 0 {
		n, err := p.next()
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.EOF
		}
		p.left = n
	}
	n, err := p.in.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// next reads the length of a frame.
func (p *pipe) next() (int, error) {
	var head [4]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxPipeFrame {
		return 0, errPipeFrame
	}
	return int(n), nil
}

// Write writes frames.
func (p *pipe) Write(b []byte) (done int, err error) {
	for len(b) > 0 && err == nil {
		n := min(len(b), maxPipeFrame)
		if err = p.frame(b[:n]); err == nil {
			done, b = done+n, b[n:]
		}
	}
	return done, err
}

func (p *pipe) frame(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return io.ErrClosedPipe
	}
	_, err := p.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// Close ends reading and writing; the connection stays, for the outcome.
func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.conn.SetReadDeadline(time.Unix(1, 0))
}

// pipe takes over the connection of a request and runs a call on it.
func (s *Server) pipe(w http.ResponseWriter, r *http.Request, call func(context.Context, io.ReadWriteCloser, *request) (any, error)) {
	s.pipes.Add(1)
	defer s.pipes.Done()
	var req request
	if err := s.readRequest(w, r, maxPipeBody, &req); err != nil || r.Header.Get("Upgrade") != pipeProtocol {
		http.Error(w, "want a request for a pipe", http.StatusBadRequest)
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+pipeProtocol+"\r\n\r\n")
	p := &pipe{conn: conn, in: buf.Reader}
	report, err := call(s.ctx, p, &req)
	p.Close() // what still writes fails from here on
	l := line[any]{Item: &report, Done: true}
	if err != nil {
		l = line[any]{Error: s.toError(err)}
	}
	text, err := json.Marshal(l)
	if err != nil {
		return
	}
	conn.SetWriteDeadline(time.Now().Add(closeGrace))
	conn.Write(append(make([]byte, 4), text...))
}

// SyncOver implements Backend.
func (c *Client) SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (xaeroflux.SyncReport, error) {
	return pipeCall[xaeroflux.SyncReport](ctx, c, "sync-over", rw, request{Place: place})
}

// FetchOver implements Backend.
func (c *Client) FetchOver(ctx context.Context, rw io.ReadWriteCloser, place, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error) {
	return pipeCall[xaeroflux.FetchReport](ctx, c, "fetch-over", rw, request{Place: place, Topic: topic, Log: log, Fetch: f})
}

// BackupOver implements Backend.
func (c *Client) BackupOver(ctx context.Context, rw io.ReadWriteCloser, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error) {
	return pipeCall[xaeroflux.BackupReport](ctx, c, "backup-over", rw, request{Backup: o})
}

// ServeOver implements Backend.
func (c *Client) ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error {
	_, err := pipeCall[xaeroflux.SyncReport](ctx, c, "serve-over", rw, request{Place: place})
	return err
}

// pipeCall carries rw to the node until the call ends, and closes rw.
func pipeCall[T any](ctx context.Context, c *Client, name string, rw io.ReadWriteCloser, r request) (none T, err error) {
	defer rw.Close()
	ctx, w := c.watched(ctx)
	defer w.end()
	conn, err := c.connect(ctx)
	if err != nil {
		return none, away(ctx, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	p, err := upgrade(conn, w, name, r)
	if err != nil {
		return none, away(ctx, err)
	}
	go func() {
		io.Copy(p, rw)
		p.frame(nil) // the end of the pipe
	}()
	if _, err := io.Copy(&lenient{rw}, p); err != nil {
		return none, away(ctx, err)
	}
	var l line[T]
	if err := json.NewDecoder(io.LimitReader(p.in, maxPipeAnswer)).Decode(&l); err != nil {
		return none, away(ctx, err)
	}
	switch {
	case l.Error != nil:
		return none, l.Error
	case l.Item == nil:
		return none, errCutOff
	}
	return *l.Item, nil
}

// upgrade makes the request.
func upgrade(conn net.Conn, w *watch, name string, r request) (*pipe, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://node/v1/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", pipeProtocol)
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(&watchedReader{conn, w}, maxPipeFrame)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body.Close()
		return nil, errors.New("it answered " + resp.Status + "; is it of another version?")
	}
	return &pipe{conn: conn, in: in}, nil
}

// lenient goes on when nobody takes what it writes: the end of the call is
// still to come.
type lenient struct{ w io.Writer }

func (l *lenient) Write(b []byte) (int, error) {
	l.w.Write(b)
	return len(b), nil
}
