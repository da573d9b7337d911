// SPDX-License-Identifier: MPL-2.0

package doors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Caller is who is at the other end of a call, as the channel and the topics'
// keys proved it.
type Caller struct {
	Peer   identity.PeerID
	Topics []identity.TopicID // shared with the peer when the call began
}

// Shares reports whether a topic was shared with the peer when the call began.
func (c Caller) Shares(topic identity.TopicID) bool { return slices.Contains(c.Topics, topic) }

// A Call is one stream of a capability: bytes both ways, of which the two ends say
// what they mean. One goroutine may read while another writes.
type Call struct {
	Caller
	Param []byte // of whoever began it

	stream   transport.Stream
	limit    int64
	in, out  atomic.Int64
	canceled func() // ends what watches over it
}

// Read reads what the other end wrote; io.EOF is its end. The error is ErrLimit
// for more bytes than a call may have.
func (c *Call) Read(b []byte) (int, error) {
	n, err := c.stream.Read(b)
	return n, c.count(&c.in, n, err)
}

// Write writes to the other end. It waits while that does not read.
func (c *Call) Write(b []byte) (int, error) {
	if err := c.count(&c.out, len(b), nil); err != nil {
		return 0, err
	}
	return c.stream.Write(b)
}

func (c *Call) count(all *atomic.Int64, n int, err error) error {
	if all.Add(int64(n)) > c.limit && c.limit > 0 {
		return fmt.Errorf("%w: %d", ErrLimit, c.limit)
	}
	return err
}

// CloseWrite ends what this end writes; the other one reads it to its end.
func (c *Call) CloseWrite() error { return c.stream.CloseWrite() }

// Close gives up what is not finished.
func (c *Call) Close() error {
	c.canceled()
	c.stream.Cancel(uint64(messages.CodeCanceled))
	return nil
}

// write writes a frame of the protocol, which is not counted.
func write(stream transport.Stream, m messages.Message) error {
	frame, err := messages.AppendFrame(nil, m)
	if err == nil {
		_, err = stream.Write(frame)
	}
	return err
}

// Serve answers a stream that a peer opened by OPEN, and is its: with ERROR, if there
// is no such door or no room in it, or with OPEN and then what the door says. It does not
// wait for the call, which a handler may keep for longer than its session is there.
func (s *Set) Serve(ctx context.Context, stream transport.Stream, open *messages.Open, who Caller) {
	d, code := s.door(open.Capability), messages.CodeNoCapability
	if d != nil && len(who.Topics) == 0 {
		code = messages.CodeNotShared
	} else if d != nil {
		code = d.enter(who.Peer)
	}
	if code != messages.CodeOK {
		stream.SetWriteDeadline(time.Now().Add(refuseTime))
		if write(stream, &messages.Error{Code: code, Text: code.String()}) == nil {
			stream.CloseWrite()
		}
		stream.Cancel(uint64(messages.CodeCanceled))
		return
	}
	go func() {
		defer d.leave(who.Peer)
		defer stream.Cancel(uint64(messages.CodeCanceled))
		d.serve(ctx, stream, open, who)
	}()
}

// refuseTime bounds how long a refusal waits to be read.
const refuseTime = 10 * time.Second

func (d *door) serve(ctx context.Context, stream transport.Stream, open *messages.Open, who Caller) {
	ctx, cancel := context.WithTimeout(ctx, d.Limits.Time)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	defer context.AfterFunc(ctx, func() { stream.Cancel(uint64(over(ctx))) })()
	c := &Call{Caller: who, Param: slices.Clone(open.Param), stream: stream, limit: d.Limits.Bytes, canceled: func() {}}
	err := write(stream, &messages.Open{Capability: open.Capability, Param: d.Param})
	if err == nil {
		err = d.guard("a call", func() error { return d.Serve(ctx, c) })
	}
	if err == nil {
		err = stream.CloseWrite()
	}
	if err != nil {
		d.log.Info("a call ended", slog.String("capability", d.name), slog.String("peer", who.Peer.Short()), slog.Any("error", err))
		stream.Cancel(uint64(messages.CodeInternal))
	}
}

// over is what a peer is told of a call that was ended.
func over(ctx context.Context) messages.Code {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return messages.CodeTimeout
	}
	return messages.CodeCanceled
}

// A RefusedError is a call that the peer refused.
type RefusedError struct {
	Capability string
	Peer       identity.PeerID
	Code       messages.Code // CodeNoCapability, CodeBusy, CodeNotShared …
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("peer %s refuses a call for %q: %s (code %d)", e.Peer.Short(), e.Capability, e.Code, e.Code)
}

// Open begins a call on a stream that was opened for it, and waits until the peer
// took it. The call ends with ctx, by Close, or when the connection does. The
// error is a *RefusedError if the peer does not take it.
func Open(ctx context.Context, stream transport.Stream, name string, param []byte, who Caller) (*Call, error) {
	stop := context.AfterFunc(ctx, func() { stream.Cancel(uint64(messages.CodeCanceled)) })
	c := &Call{Caller: who, Param: param, stream: stream, canceled: sync.OnceFunc(func() { stop() })}
	err := write(stream, &messages.Open{Capability: name, Param: param})
	if err == nil {
		err = c.taken(name)
	}
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

// taken reads the answer to OPEN.
func (c *Call) taken(name string) error {
	body, err := messages.ReadFrame(c.stream, messages.MaxHelloFrame, nil)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	m, err := messages.Decode(body)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *messages.Open:
		return nil
	case *messages.Error:
		return &RefusedError{Capability: name, Peer: c.Peer, Code: m.Code}
	}
	return fmt.Errorf("peer %s answers a call for %q by %s", c.Peer.Short(), name, m.Type())
}
