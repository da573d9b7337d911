// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// request opens a stream with a first message and ends the suite's direction. A
// peer may refuse it before that: whoever reads is told then.
func (p *peer) request(m messages.Message) (transport.Stream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.patient)
	defer cancel()
	s, err := p.conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	b, err := messages.AppendFrame(nil, m)
	if err != nil {
		return nil, err
	}
	s.SetReadDeadline(time.Now().Add(p.patient))
	if _, err = s.Write(b); err == nil {
		err = s.CloseWrite()
	}
	if refused := new(transport.StreamError); errors.As(err, &refused) && refused.Remote {
		err = nil
	}
	return s, err
}

// pull fetches pages of a log from the first that the suite lacks, and the tail.
func (p *peer) pull(c *conversation, l *evilpeer.Log, has uint64) error {
	from := uint64(l.Cut(int(has)).Pages())
	end, err := p.fetchPages(&messages.PageRequest{Topic: c.number, Log: l.ID, From: from, Count: messages.MaxRunPages, Tail: true}, l)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has[c.t][l.ID] = max(has, end)
	return nil
}

// fetchPages asks for pages and holds the answer against what is true. It
// returns the sequence after the last event that came.
func (p *peer) fetchPages(q *messages.PageRequest, l *evilpeer.Log) (end uint64, err error) {
	s, err := p.request(q)
	if err != nil {
		return 0, err
	}
	page, pages := q.From, uint64(l.Pages())
	end = l.FirstOf(int(q.From))
	tail := false
	err = readAll(s, func(m messages.Message) error {
		switch m := m.(type) {
		case *messages.PageResponse:
			if tail {
				return ruleTail.broken("pages behind the tail")
			}
			if m.Log != l.ID || m.From != page || m.FirstSeq != end {
				return rulePages.broken("page %d of log %s from event %d, want page %d from event %d", m.From, m.Log.Short(), m.FirstSeq, page, end)
			}
			if err := checkRun(s, l, m); err != nil {
				return err
			}
			page, end = page+uint64(m.Count), m.EndSeq
			return nil
		case *messages.Events:
			if tail = true; !q.Tail || m.First != end {
				return ruleTail.broken("events from %d behind the pages, want them from %d: %v", m.First, end, q.Tail)
			}
			end += uint64(m.Count)
			return checkEvents(l, m.First, end, m.Head, m.Right, m.Records)
		case *messages.Error:
			return rulePages.broken("pages from %d of log %s: %v", q.From, l.ID.Short(), m)
		}
		return rulePages.broken("%s is the answer to PAGE_REQUEST", m.Type())
	})
	if want := min(q.From+q.Count, pages); err == nil && page != want {
		err = rulePages.broken("%d pages came, want %d", page-q.From, want-q.From)
	}
	return end, err
}

// checkRun reads the pages behind a PAGE_RESPONSE: page i of a log is the same
// bytes on every peer that erased nothing of it.
func checkRun(in io.Reader, l *evilpeer.Log, m *messages.PageResponse) error {
	if m.Count > pullPages || m.Count == 0 || uint64(m.Count)+m.From > uint64(l.Pages()) {
		return ruleRuns.broken("a run of %d pages from %d", m.Count, m.From)
	}
	if err := checkHead(l, m.Head); err != nil {
		return err
	}
	want, pages := l.Run(int(m.From), int(m.From)+int(m.Count))
	if m.FirstSeq != want.FirstSeq || m.EndSeq != want.EndSeq || m.PageBytes != want.PageBytes || len(m.Images) > 0 {
		return rulePages.broken("a run of pages of %d bytes with events %d to %d and %d images, want %d to %d", m.PageBytes, m.FirstSeq, m.EndSeq, len(m.Images), want.FirstSeq, want.EndSeq)
	}
	if !slices.Equal(m.Right, l.Compact(m.EndSeq, m.Head.Size)) {
		return ruleTree.broken("log %s: *right* behind the run does not lead to the root at %d", l.ID.Short(), m.Head.Size)
	}
	got, err := messages.ReadRaw(in, len(pages), nil)
	if err != nil {
		return rulePages.broken("the run ends early: %v", err)
	}
	if !bytes.Equal(got, pages) {
		return rulePages.broken("log %s: pages %d to %d are not the bytes that they have on every peer", l.ID.Short(), m.From, m.From+uint64(m.Count))
	}
	return nil
}

// accept serves the streams that the program opens.
func (p *peer) accept() {
	for {
		s, err := p.conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		p.wg.Go(func() {
			if err := p.serve(s); err != nil && p.conn.Err() == nil {
				select {
				case p.wrong <- err:
				default:
				}
			}
		})
	}
}

// serve answers one request of the program.
func (p *peer) serve(s transport.Stream) error {
	s.SetReadDeadline(time.Now().Add(p.patient))
	body, err := messages.ReadFrame(s, messages.MaxHelloFrame, nil)
	if err != nil {
		return ruleFirstOf.broken("a stream without a first message: %v", err)
	}
	m, err := messages.Decode(body)
	if err != nil {
		return ruleDecode.broken("%v", err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return ruleRequest.broken("behind %s comes something else than the end: %v", m.Type(), err)
	}
	q, ok := m.(*messages.PageRequest)
	if !ok {
		return ruleFirstOf.broken("a stream begins with %s, of which nothing was said", m.Type())
	}
	var answer []byte
	for _, part := range p.pagesFor(q) {
		answer = append(answer, part...)
	}
	if _, err := s.Write(answer); err != nil {
		return nil // the program may give up what it asked for
	}
	return s.CloseWrite()
}

// pagesFor is the answer to a request for pages.
func (p *peer) pagesFor(q *messages.PageRequest) (parts [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.logOf(q)
	if l == nil || q.From > uint64(l.Pages()) || q.Count == 0 {
		return [][]byte{evilpeer.Encoded(&messages.Error{Code: messages.CodeUnknownLog, Text: "unknown log"})}
	}
	to := min(q.From+q.Count, uint64(l.Pages()))
	for at := q.From; at < to; at += pullPages {
		m, pages := l.Run(int(at), int(min(at+pullPages, to)))
		parts = append(parts, evilpeer.Encoded(m), pages)
	}
	if first := l.FirstOf(int(to)); q.Tail && to == uint64(l.Pages()) && first < uint64(len(l.Leaves)) {
		m := l.Events(first, uint64(len(l.Leaves)))
		m.Topic = q.Topic
		parts = append(parts, evilpeer.Encoded(m))
	}
	return parts
}

// logOf returns the log that is asked for, as the suite has it; mu is held.
func (p *peer) logOf(q *messages.PageRequest) *evilpeer.Log {
	for t, c := range p.talks {
		if c.number == q.Topic && t.truth[q.Log] != nil && p.has[t][q.Log] > 0 {
			return t.at(p.has[t], q.Log)
		}
	}
	return nil
}
