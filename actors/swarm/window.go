// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// window asks a source for a window of pages and takes them in as they come.
func (f *fetch) window(s Source, w *syncer.Window[Source], topic uint32) error {
	ctx, cancel := context.WithCancelCause(s.Context())
	defer cancel(nil)
	if f.taken(w, cancel) {
		return nil
	}
	w.Tail = f.tailOf(w)
	req := &messages.PageRequest{Topic: topic, Log: f.info.Log, From: w.From, Count: w.End - w.From, Tail: w.Tail}
	return f.visits.ask(ctx, s, req, func(in *syncer.Answer) error {
		return (&windowReader{s: s, f: f, w: w, in: in}).run()
	})
}

// A windowReader reads what a peer answers to one request. It checks what can
// be checked without the pages before.
type windowReader struct {
	s    Source
	f    *fetch
	w    *syncer.Window[Source]
	in   *syncer.Answer
	tail *tail
}

// A tail is the events after the last page.
type tail struct {
	source Source
	page   uint64 // the one they follow
	events []*messages.Events
	bytes  int
}

// end is the sequence after its last event, as its source says.
func (t *tail) end() uint64 {
	last := t.events[len(t.events)-1]
	return last.First + uint64(last.Count)
}

func (r *windowReader) run() error {
	for {
		m, err := r.in.Next()
		if errors.Is(err, io.EOF) {
			r.f.ended(r.tail)
			return nil
		}
		if err != nil {
			if streams.CutOff(err) { // the events that came are whole
				r.f.ended(r.tail)
			}
			return err
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
	}
	return syncer.Unexpected(m)
}

func (r *windowReader) pages(m *messages.PageResponse) error {
	if r.tail != nil || r.w.At >= r.w.End {
		return &syncer.Violation{Code: messages.CodeBadRange, Text: "more pages than were asked for"}
	}
	n, err := syncer.AnnouncedRun(r.f.info, r.w.At, m)
	if err != nil {
		return err
	}
	pages, err := r.in.Raw(n, r.f.spare.take(n))
	if err != nil {
		return err
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
func (f *fetch) got(w *syncer.Window[Source], r run) bool {
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

// ended takes in the events after the last page, if nobody brought more.
func (f *fetch) ended(t *tail) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t == nil || f.over || f.bad[t.source] != nil {
		return
	}
	if f.tail == nil || t.page > f.tail.page || t.page == f.tail.page && t.end() > f.tail.end() {
		f.tail = t
	}
}
