// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// windowPages is what one request asks for, as syncer.Windows plans it at first.
const windowPages = 64

var errReset = errors.New("the stream was reset")

// A fetch brings the pages of one log to a peer. Of several sessions that want
// them one is the source; the others wait, and take over if it is lost.
type fetch struct {
	p       *peer
	log     digest.Hash
	src     *end
	o       syncer.Pull
	waiting []waiter
	joined  int

	t      *syncer.Transfer
	req    *messages.PageRequest
	stream *stream
	run    *messages.PageResponse // whose pages are coming
	bytes  []byte
	need   int
	tail   []*messages.Events
	left   int // works under way
	err    error
	then   func() // when they are done
	over   bool
}

type waiter struct {
	e *end
	o syncer.Pull
}

func (e *end) pullNext() {
	if e.pulling >= maxPulling || len(e.queued) == 0 || e.gone {
		return
	}
	o := e.queued[0]
	e.queued = e.queued[1:]
	e.pulling++
	if f := e.p.fetches[o.Info.Log]; f != nil {
		f.waiting = append(f.waiting, waiter{e, o})
		f.joined++
		return
	}
	e.p.fetch(e, o, nil, 1)
}

func (p *peer) fetch(e *end, o syncer.Pull, waiting []waiter, joined int) {
	t, err := syncer.NewTransfer(p.st, o)
	if err != nil {
		p.w.fail("%v", err)
		return
	}
	f := &fetch{p: p, log: o.Info.Log, src: e, o: o, t: t, waiting: waiting, joined: joined}
	p.fetches[f.log] = f
	f.next()
}

// next asks for the next window, or ends the transfer.
func (f *fetch) next() {
	f.req = f.t.Request()
	if f.req.From >= f.o.Pages || f.t.Closed() {
		f.rest()
		return
	}
	f.req.Count = min(windowPages, f.o.Pages-f.req.From)
	f.req.Tail = f.req.From+f.req.Count == f.o.Pages
	f.stream = f.src.open(f)
}

// leave takes a session that ended out of the fetches.
func (p *peer) leave(e *end) {
	for _, id := range p.w.order {
		p.leaveFetch(p.fetches[id], e)
	}
}

// errLeft is why a session fetches nothing more of a topic.
var errLeft = errors.New("the topic is not shared any more")

// leaveTopic takes a session that left a topic out of the fetches of its logs.
func (p *peer) leaveTopic(e *end, topic digest.Hash) {
	for _, id := range p.w.order {
		f := p.fetches[id]
		if f == nil || f.o.Info.Topic != topic {
			continue
		}
		if f.src == e {
			f.stream.abandon()
			f.end(errLeft)
			continue
		}
		if i := slices.IndexFunc(f.waiting, func(x waiter) bool { return x.e == e }); i >= 0 {
			f.waiting = slices.Delete(f.waiting, i, i+1)
			e.post(f.done(errLeft, false))
		}
	}
}

// done is what a session is told of the end of the fetch.
func (f *fetch) done(err error, others bool) syncer.PullDone {
	return syncer.PullDone{Topic: f.o.Info.Topic, Log: f.log, Err: err, Others: others}
}

func (p *peer) leaveFetch(f *fetch, e *end) {
	if f == nil {
		return
	}
	var rest []waiter
	for _, x := range f.waiting {
		if x.e != e {
			rest = append(rest, x)
		}
	}
	f.waiting = rest
	if f.src == e {
		f.over = true
		f.hand()
	}
}

// hand lets the next session take over.
func (f *fetch) hand() {
	if f.p.fetches[f.log] != f { // the peer was restarted
		return
	}
	delete(f.p.fetches, f.log)
	if len(f.waiting) > 0 {
		x := f.waiting[0]
		f.p.fetch(x.e, x.o, f.waiting[1:], f.joined)
	}
}

// end ends the fetch and tells the sessions; those whose peer has more pages go on.
func (f *fetch) end(err error) {
	if f.over {
		return
	}
	f.over = true
	f.src.post(f.done(err, f.joined > 1))
	if err == nil {
		var rest []waiter
		for _, x := range f.waiting {
			if x.o.Pages > f.o.Pages {
				rest = append(rest, x)
				continue
			}
			x.e.post(f.done(nil, true))
		}
		f.waiting = rest
	}
	f.hand()
}

// arrived takes what the peer answers; nil is the end of the stream.
func (f *fetch) arrived(b []byte) {
	if f.over {
		return
	}
	f.src.bytes += uint64(len(b))
	var err error
	switch {
	case b == nil && f.need > 0:
		err = fmt.Errorf("the stream ends %d bytes before the pages do", f.need)
	case b == nil:
		f.window()
	case f.need > 0:
		f.bytes = append(f.bytes, b...)
		if f.need -= len(b); f.need == 0 {
			err = f.pages()
		}
	default:
		err = f.frame(b)
	}
	if err != nil {
		f.end(err)
	}
}

// window is the end of an answer.
func (f *fetch) window() {
	if at := f.t.Request().From; at < f.req.From+f.req.Count { // the peer has no more
		f.o.Pages = at
	}
	f.next()
}

func (f *fetch) frame(b []byte) error {
	m, err := messages.Decode(b[4:])
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *messages.PageResponse:
		f.run, f.bytes = m, nil
		f.need, err = f.t.Announced(m)
	case *messages.Events:
		f.tail = append(f.tail, m)
	case *messages.Error:
		err = fmt.Errorf("the peer refuses: %s", m.Code)
	}
	return err
}

func (f *fetch) pages() error {
	v, err := f.t.Pages(f.run, f.bytes)
	if errors.Is(err, syncer.ErrClosed) {
		return nil // what is behind its end is passed over
	}
	if err != nil || v == nil {
		return err
	}
	f.store(func() error { return f.p.st.ingestPages(v) })
	f.src.moved += uint64(len(v.Leaves))
	return nil
}

// store hands work to the pipeline; the fetch ends with the first error.
func (f *fetch) store(do func() error) {
	f.left++
	f.p.enqueue(work{log: f.log, do: do, done: func(err error) {
		f.left--
		if f.err == nil {
			f.err = err
		}
		if f.left == 0 && f.then != nil {
			then := f.then
			f.then = nil
			then()
		}
	}})
}

// stored goes on once all work is done.
func (f *fetch) stored(then func()) {
	goOn := func() {
		if f.err != nil {
			f.end(f.err)
		} else if !f.over {
			then()
		}
	}
	if f.left == 0 {
		goOn()
		return
	}
	f.then = goOn
}

// rest stores the page that was held back, and then the events that follow.
func (f *fetch) rest() {
	f.stored(func() {
		v, err := f.t.Rest()
		if err != nil {
			f.end(err)
			return
		}
		if v != nil {
			f.store(func() error { return f.p.ingest(*v) })
		}
		for _, m := range f.tail {
			if f.t.Closed() {
				break
			}
			v, err := f.t.Events(m)
			if err != nil {
				f.end(err)
				return
			}
			f.store(func() error { return f.p.ingest(*v) })
		}
		f.stored(func() { f.end(nil) })
	})
}

// ingestPages stores verified pages, which must be those that this store packs.
func (s *store) ingestPages(v *syncer.VerifiedPages) error {
	one := syncer.Verified{Info: v.Info, First: v.Seals[0].First, Count: len(v.Leaves), Head: v.Head, Right: v.Right}
	for _, x := range v.Seals {
		at := (x.Page - v.Seals[0].Page) * pageBytes
		r, err := recordsOf(v.Bytes[at : at+uint64(x.Pages)*pageBytes])
		if err != nil {
			return err
		}
		one.Records = append(one.Records, r...)
	}
	if err := s.ingest(one); err != nil {
		return err
	}
	l := s.logs[v.Info.Log]
	pages := l.Pages()
	for i := v.Seals[0].Page; i < min(uint64(len(pages)), v.Seals[len(v.Seals)-1].Page); i++ {
		at := (i - v.Seals[0].Page) * pageBytes
		if !bytes.Equal(pages[i], v.Bytes[at:at+pageBytes]) {
			return fmt.Errorf("page %d of log %s is not the one that is packed here", i, v.Info.Log.Short())
		}
	}
	return nil
}

func recordsOf(pages []byte) ([]byte, error) {
	h, err := segwriter.ParsePage(pages[:pageBytes])
	if err != nil {
		return nil, err
	}
	if h.Kind == segwriter.KindRecords {
		return h.Records(pages[:pageBytes]), nil
	}
	var group [][]byte
	for at := 0; at < len(pages); at += pageBytes {
		group = append(group, pages[at:at+pageBytes])
	}
	return segwriter.DecodeGroup(group)
}

// A stream is one request for pages and its answer.
type stream struct {
	f      *fetch
	server *end
	answer *pipe
	req    *messages.PageRequest
	next   func() ([]byte, bool)
	stop   func()
	served syncer.Counts
	err    error
	done   bool
}

// open sends a request to the peer on a stream of its own.
func (e *end) open(f *fetch) *stream {
	x := &stream{f: f, server: e.other, req: f.req}
	x.answer = e.conn.pipe(e.other.p, f.arrived)
	x.answer.room = x.pump
	frame, err := messages.AppendFrame(nil, f.req)
	if err != nil {
		e.w.fail("%v", err)
	}
	e.conn.pipe(e.p, func([]byte) { x.serve() }).write(frame)
	return x
}

// serve begins to answer, piece by piece as the stream takes it: the log may
// grow meanwhile.
func (x *stream) serve() {
	if x.server.gone || x.done {
		return
	}
	topic, shared := x.server.shared[x.req.Topic]
	if !shared {
		x.refuse(messages.CodeNotShared)
		return
	}
	x.next, x.stop = iter.Pull(func(yield func([]byte) bool) {
		w := writerFunc(func(b []byte) (int, error) {
			if !yield(bytes.Clone(b)) {
				return 0, errReset
			}
			return len(b), nil
		})
		x.served, x.err = syncer.ServePages(w, x.server.p.st, topic, x.req, new(syncer.Pace))
	})
	x.server.w.serving = append(x.server.w.serving, x)
	x.pump()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (x *stream) pump() {
	for !x.done && !x.answer.full() {
		if x.server.gone || x.answer.closed {
			x.end()
			return
		}
		b, more := x.next()
		if !more {
			x.answer.write(nil)
			x.end()
			return
		}
		x.answer.write(b)
	}
}

// end tells the server what became of it.
func (x *stream) end() {
	if x.done {
		return
	}
	x.done = true
	if x.stop == nil { // it was not begun
		return
	}
	x.stop()
	x.server.moved += x.served.Events
	x.server.post(syncer.Served{Topic: x.f.o.Info.Topic, Log: x.req.Log, EndSize: x.served.End, Partly: !x.req.Tail, Err: x.err})
}

// refuse answers with a code.
func (x *stream) refuse(code messages.Code) {
	frame, err := messages.AppendFrame(nil, &messages.Error{Code: code})
	if err != nil {
		x.server.w.fail("%v", err)
	}
	x.done = true
	x.answer.write(frame)
	x.answer.write(nil)
}

// abandon breaks the stream: the fetch wants no answer any more.
func (x *stream) abandon() {
	if x != nil {
		x.answer.drop()
		x.end()
	}
}

// reset breaks the stream, and nothing else.
func (x *stream) reset() {
	if !x.done && !x.f.over {
		x.answer.drop()
		x.end()
		x.f.end(errReset)
	}
}
