// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// A duplex is a pair of pipes of the command's: it reads what is in it, and
// keeps what is written.
type duplex struct {
	io.Reader
	written bytes.Buffer
	closed  chan struct{}
}

func (d *duplex) Write(b []byte) (int, error) { return d.written.Write(b) }

func (d *duplex) Close() error {
	close(d.closed)
	return nil
}

func TestSyncOver(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	long := bytes.Repeat([]byte("x"), 3*maxPipeFrame+1)
	rw := &duplex{Reader: bytes.NewReader(long), closed: make(chan struct{})}
	r, err := c.SyncOver(t.Context(), rw, "there")
	if err != nil || r.BytesIn != uint64(len(long)) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := rw.written.String(); got != "hello" {
		t.Errorf("%q", got)
	}
	<-rw.closed

	rw = &duplex{Reader: bytes.NewReader(nil), closed: make(chan struct{})}
	var e *Error
	if _, err := c.SyncOver(t.Context(), rw, "break"); !errors.As(err, &e) || e.Kind != Range {
		t.Errorf("%v", err)
	}
	<-rw.closed
}

func TestFetch(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	r, err := c.Fetch(t.Context(), "t", "log", xaeroflux.Fetch{From: 3, To: 9, Last: 4, Peers: []string{"p"}})
	want := xaeroflux.FetchReport{
		Log: logID, Head: xaeroflux.Head{Log: logID, Size: 4, Sig: xaeroflux.Signature{1, 63: 2}}, Part: xaeroflux.Span{First: 3, End: 9}, Events: 4,
		From: []xaeroflux.PeerID{{1}}, Gaps: []xaeroflux.Span{{First: 1, End: 2}},
	}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, %v", r, err)
	}
	var e *Error
	if _, err := c.Fetch(t.Context(), "", "unknown", xaeroflux.Fetch{}); !errors.As(err, &e) || e.Kind != Unknown {
		t.Errorf("%v", err)
	}
	all, err := c.Gaps(t.Context(), "t", "10")
	if err != nil || !reflect.DeepEqual(all, []Gaps{{Log: logID, HeadSize: 3, Held: []xaeroflux.Span{{First: 0, End: 3}}, Gaps: []xaeroflux.Span{{First: 3, End: 9}}}}) {
		t.Errorf("%+v, %v", all, err)
	}
	rw := &duplex{Reader: bytes.NewReader([]byte("xyz")), closed: make(chan struct{})}
	r, err = c.FetchOver(t.Context(), rw, "there", "t", "log", xaeroflux.Fetch{Last: 5})
	if err != nil || r.Head.Size != 4 || r.Events != 5 || rw.written.String() != "hello" {
		t.Errorf("%+v, %v", r, err)
	}
	<-rw.closed
}

// TestServeOverEnds: the call ends with the node, and with the command.
func TestServeOverEnds(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	r, w := io.Pipe()
	rw := &duplex{Reader: r, closed: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- c.ServeOver(t.Context(), rw, "there") }()
	w.Write([]byte("x"))
	s.Close()
	var e *Error
	if err := <-done; !errors.As(err, &e) {
		t.Errorf("the node closed: %v", err)
	}
	w.Close()

	_, _, c = start(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	r, w = io.Pipe()
	rw = &duplex{Reader: r, closed: make(chan struct{})}
	go func() { done <- c.ServeOver(ctx, rw, "there") }()
	w.Write([]byte("x"))
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	w.Close()
}

// TestPipeFrame: a length over the limit is refused before room is made.
func TestPipeFrame(t *testing.T) {
	head := binary.BigEndian.AppendUint32(nil, maxPipeFrame+1)
	p := &pipe{in: bufio.NewReader(bytes.NewReader(head))}
	if _, err := p.Read(make([]byte, 10)); !errors.Is(err, errPipeFrame) {
		t.Errorf("%v", err)
	}
}

// A backup goes through a node: to a directory with its report, and as a stream
// of any length with a short one.
func TestBackupThroughANode(t *testing.T) {
	_, _, c := start(t, t.TempDir())
	ctx := context.Background()
	r, err := c.Backup(ctx, "/four", xaeroflux.BackupOptions{WithoutIdentity: true})
	if err != nil || r.Number != 7 || r.Events != 5 || r.Identity != "none" {
		t.Errorf("%+v, %v", r, err)
	}
	var e *Error
	if _, err := c.Backup(ctx, "break", xaeroflux.BackupOptions{}); !errors.As(err, &e) || e.Kind != Range {
		t.Errorf("a backup that fails: %v", err)
	}
	out := &countingPipe{}
	r, err = c.BackupOver(ctx, out, xaeroflux.BackupOptions{})
	if err != nil || r.Number != 8 || out.n != 3*maxPipeFrame {
		t.Errorf("%d bytes, %+v, %v", out.n, r, err)
	}
}

type countingPipe struct{ n int }

func (p *countingPipe) Read([]byte) (int, error)    { return 0, io.EOF }
func (p *countingPipe) Write(b []byte) (int, error) { p.n += len(b); return len(b), nil }
func (p *countingPipe) Close() error                { return nil }
