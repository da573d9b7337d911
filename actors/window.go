// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// window asks the peer for a window of pages and hands them to the fetch as
// they come.
func (s *session) window(f *fetch, w *syncer.Window[*session], o syncer.Pull) error {
	frame, err := messages.AppendFrame(nil, &messages.PageRequest{
		Topic: o.Topic, Log: o.Info.Log, From: w.From, Count: w.End - w.From, Tail: w.Tail,
	})
	if err != nil {
		return err
	}
	stream, err := s.conn.OpenStream(s.ctx)
	if err != nil {
		return err
	}
	defer stream.Cancel(uint64(messages.CodeCanceled))
	if f.taken(w, stream) {
		return nil
	}
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	stream.CloseWrite() // who has answered already reads no more, and says so
	s.awaited.Add(1)
	defer s.awaited.Add(-1)
	in := &windowReader{s: s, f: f, w: w, in: bufio.NewReaderSize(s.patient(stream), 64<<10)}
	return in.run()
}

// taken reports whether a window was taken away before it was asked for, and
// makes the stream end when that happens later.
func (f *fetch) taken(w *syncer.Window[*session], stream transport.Stream) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Cancel = func() { // by who holds mu
		code := messages.CodeCanceled
		if errors.Is(f.bad[w.Source], pipeline.ErrQuota) {
			code = messages.CodeQuota
		}
		stream.Cancel(uint64(code))
	}
	return w.Gone
}

// A windowReader reads what a peer answers to one request. It checks what can
// be checked without the pages before.
type windowReader struct {
	s    *session
	f    *fetch
	w    *syncer.Window[*session]
	in   *bufio.Reader
	tail *tail
}

// A tail is the events after the last page.
type tail struct {
	source *session
	page   uint64 // the one they follow
	events []*messages.Events
	bytes  int
}

func (r *windowReader) run() error {
	for {
		body, err := messages.ReadFrame(r.in, messages.MaxEventsFrame, nil)
		if errors.Is(err, io.EOF) {
			r.f.ended(r.tail)
			return nil
		}
		if err != nil {
			return violated(err)
		}
		m, err := messages.Decode(body)
		if err != nil {
			return violated(err)
		}
		if err := r.message(m); err != nil {
			return err
		}
	}
}

func (r *windowReader) message(m messages.Message) error {
	switch m := m.(type) {
	case *messages.PageResponse:
		return r.pages(m)
	case *messages.Events:
		return r.events(m)
	case *messages.Error:
		return &PeerError{Peer: r.s.conn.Peer(), Code: m.Code, Text: m.Text, Remote: true}
	}
	return &syncer.Violation{Code: messages.CodeUnexpectedMessage, Text: m.Type().String() + " in a transfer"}
}

func (r *windowReader) pages(m *messages.PageResponse) error {
	if r.tail != nil || r.w.At >= r.w.End {
		return &syncer.Violation{Code: messages.CodeBadRange, Text: "more pages than were asked for"}
	}
	n, err := syncer.AnnouncedRun(r.f.info, r.w.At, m)
	if err != nil {
		return err
	}
	pages, err := messages.ReadRaw(r.in, n)
	if err != nil {
		return violated(err)
	}
	if !r.f.got(r.w, run{from: m.From, end: m.From + uint64(m.Count), source: r.s, msg: m, bytes: pages}) {
		return errOver
	}
	return nil
}

// events keeps the events after the last page until the pages are stored.
func (r *windowReader) events(m *messages.Events) error {
	if !r.w.Tail {
		return &syncer.Violation{Code: messages.CodeBadRange, Text: "events after pages that were asked for without"}
	}
	if r.tail == nil {
		r.tail = &tail{source: r.s, page: r.w.At}
	}
	if r.tail.bytes += len(m.Records); r.tail.bytes > maxTailBytes {
		return fmt.Errorf("log %s: more than %d bytes of events after its last page", m.Log.Short(), maxTailBytes)
	}
	r.tail.events = append(r.tail.events, m)
	return nil
}

// errOver is why a window is not read to its end: nobody wants the rest.
var errOver = errors.New("the fetch is over")

// got takes in pages that came, and reports whether more are wanted: not if their
// window was taken away, or the fetch is over.
func (f *fetch) got(w *syncer.Window[*session], r run) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.Gone || f.over {
		return false
	}
	f.runs[r.from] = r
	f.plan.Got(w, r.end-r.from, time.Now())
	f.changed.Broadcast()
	return true
}

// ended takes in the events after the last page.
func (f *fetch) ended(t *tail) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t != nil && !f.over && f.bad[t.source] == nil {
		f.tail = t
	}
}
