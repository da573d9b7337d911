// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

var errNoPeers = errors.New("no peer was asked for them: none was named, and none is remembered or may be asked")

var errNotSent = errors.New("no peer that was asked sent them")

// notSent is why events did not come.
func (r *repairer) notSent() error {
	if r.fetch == nil {
		return errNoPeers
	}
	return errNotSent
}

var errNoTopic = errors.New("its topic is not known: an invite to it is needed")

// fetchPages fetches the pages up to one at which an event begins, and writes
// each as soon as it is proven.
func (l *logMend) fetchPages(to uint64) error {
	topic, err := l.askable()
	if err != nil {
		return err
	}
	r := syncer.NewRefetch(l.logInfo(topic), l.page, l.m.Clone(), l.lastBefore(l.page))
	r.Pages = func(v *syncer.VerifiedPages) error { return l.write(v, to) }
	err = l.r.fetch.Pages(l.r.ctx, topic, r, to)
	if err == nil && l.page < to {
		err = fmt.Errorf("page %d did not come", l.page)
	}
	return err
}

// askable returns the topic of the log, if peers can be asked for it.
func (l *logMend) askable() (*layout.Topic, error) {
	topic, ok := l.r.topics[l.info.topic]
	switch {
	case l.r.fetch == nil:
		return nil, errNoPeers
	case !ok:
		return nil, errNoTopic
	}
	return topic, nil
}

func (l *logMend) logInfo(topic *layout.Topic) syncer.LogInfo {
	return syncer.LogOf(l.info.id, l.info.name, topic.Genesis)
}

// write puts proven pages in their place, as far as they are below to.
func (l *logMend) write(v *syncer.VerifiedPages, to uint64) error {
	if v == nil {
		return nil
	}
	l.know(v.Head)
	rest, leaves := v.Bytes, v.Leaves
	for _, s := range v.Seals {
		n := s.Pages * l.raw.Params().PageBytes
		if s.Page >= to {
			return nil
		}
		if s.Page != l.page || s.Page+uint64(s.Pages) > to {
			return fmt.Errorf("pages %d to %d, want them from %d to %d", s.Page, s.Page+uint64(s.Pages)-1, l.page, to-1)
		}
		for page := s.Page; page < s.Page+uint64(s.Pages); page++ {
			if err := l.keep(page); err != nil {
				return err
			}
		}
		if err := l.raw.Write(s.Page, rest[:n]); err != nil {
			return err
		}
		if err := l.take(uint64(s.Pages), rangeFrom(s.First, leaves[:s.Count])); err != nil {
			return err
		}
		rest, leaves, l.mended = rest[n:], leaves[s.Count:], l.mended+uint64(s.Pages)
	}
	return nil
}

// know takes note of a head that was verified.
func (l *logMend) know(h proof.Head) {
	if h.Size > l.head.Size {
		l.head = h
	}
}

// A tail is the events behind the last full page, proven under a head.
type tail struct {
	first   uint64
	records []byte
	leaves  []digest.Hash
	head    proof.Head
	right   []digest.Hash
	closed  event.Reason // the log ends behind it
}

func (t *tail) end() uint64 { return t.first + uint64(len(t.leaves)) }

// maxTailBytes bounds what is held of a tail in memory: the open page of a peer,
// which may be one large event, and what its events need to be taken whole.
const maxTailBytes = 64 << 20

// fetchTail fetches the last full page again, for its proof, and what follows:
// pages are written to their place, and the events behind them returned.
func (l *logMend) fetchTail() (*tail, error) {
	topic, err := l.askable()
	if err != nil {
		return nil, err
	}
	var got *tail
	err = l.r.fetch.Rest(l.r.ctx, topic, func() *syncer.Refetch {
		at := mark{}
		if n := len(l.marks); n > 0 {
			at = l.marks[n-1]
		}
		got = &tail{first: at.m.Size()}
		r := syncer.NewRefetch(l.logInfo(topic), at.page, at.m.Clone(), l.lastBefore(at.page))
		r.Pages, r.Events = l.writeNew, got.add
		if l.info.own { // what was signed once is known, even if what it is of does not come
			r.Head = l.know
		}
		return r
	})
	if err != nil {
		return nil, err
	}
	if got.head.Size == 0 {
		return nil, errors.New("the peer has nothing of it")
	}
	l.know(got.head)
	return got, got.from(l.m.Size())
}

// writeNew writes those of proven pages that are not here yet.
func (l *logMend) writeNew(v *syncer.VerifiedPages) error {
	if v == nil {
		return nil
	}
	for len(v.Seals) > 0 && v.Seals[0].Page < l.page {
		s := v.Seals[0]
		v.Seals, v.Leaves, v.Bytes = v.Seals[1:], v.Leaves[s.Count:], v.Bytes[s.Pages*l.raw.Params().PageBytes:]
	}
	return l.write(v, ^uint64(0))
}

// add puts events behind those there are.
func (g *tail) add(v *syncer.Verified) error {
	if len(g.leaves) == 0 {
		g.first = v.First
	}
	if v.First != g.end() || len(g.records)+len(v.Records) > maxTailBytes {
		return fmt.Errorf("events from %d behind those to %d, %d bytes of them", v.First, g.end(), len(g.records)+len(v.Records))
	}
	g.records, g.leaves = append(g.records, v.Records...), append(g.leaves, v.Leaves...)
	g.head, g.right, g.closed = v.Head, v.Right, v.Closed
	return nil
}

// from drops the events below a sequence.
func (g *tail) from(seq uint64) error {
	if seq < g.first || seq > g.end() {
		return fmt.Errorf("events %d to %d, want them from %d", g.first, g.end(), seq)
	}
	rest, err := event.SkipRecords(g.records, seq-g.first)
	g.leaves, g.records, g.first = g.leaves[seq-g.first:], rest, seq
	return err
}

// to drops the events from a sequence on.
func (g *tail) to(seq uint64) error {
	if seq < g.first || seq > g.end() {
		return fmt.Errorf("events %d to %d, want them up to %d", g.first, g.end(), seq)
	}
	if seq < g.end() {
		g.closed = 0
	}
	rest, err := event.SkipRecords(g.records, seq-g.first)
	g.leaves, g.records = g.leaves[:seq-g.first], g.records[:len(g.records)-len(rest)]
	return err
}
