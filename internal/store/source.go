// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Source is the store as sessions see it; it implements syncer.Source.
type Source struct{ s *Store }

// Source returns the store as sessions see it.
func (s *Store) Source() Source { return Source{s} }

var (
	_ syncer.Source  = Source{}
	_ syncer.History = Source{}

	_ syncer.Newcomers = Source{}
)

// Summary returns a topic's incremental digest.
func (v Source) Summary(topic digest.Hash) (digest.Set, error) { return v.s.Summary(topic) }

// Met reports whether some copy of a peer's is remembered.
func (v Source) Met(peer identity.PeerID, topic digest.Hash) bool { return v.s.Met(peer, topic) }

// Remembered returns the digest that this store and a peer's last agreed on.
func (v Source) Remembered(peer identity.PeerID, topic digest.Hash) (digest.Set, bool) {
	return v.s.Remembered(peer, topic)
}

// Changes returns the logs of a topic that changed since it had a digest.
func (v Source) Changes(topic digest.Hash, since digest.Set) ([]syncer.Change, bool, error) {
	return v.s.Changes(topic, since)
}

// Logs yields every log of a topic that holds events and is not provisional.
func (v Source) Logs(topic digest.Hash, yield func(syncer.LogInfo) bool) error {
	ids, err := v.s.topicIDs(topic)
	if err != nil {
		return err
	}
	for _, id := range ids {
		info, err := v.s.idle(id)
		if err != nil {
			return err
		}
		if info, ok := syncer.Listed(info); !ok || info.Provisional || info.Astray {
			continue
		} else if !yield(info) {
			return nil
		}
	}
	return nil
}

// Log returns what is published of a log.
func (v Source) Log(id digest.Hash) (syncer.LogInfo, bool, error) {
	l, err := v.s.Log(id)
	if errors.Is(err, ErrUnknownLog) {
		return syncer.LogInfo{}, false, nil
	}
	if err != nil {
		return syncer.LogInfo{}, false, err
	}
	info, err := l.info()
	return info, err == nil, err
}

func (l *Log) info() (syncer.LogInfo, error) {
	p, astray := l.shown()
	head, err := l.Head(p)
	end, ends := l.end()
	ends = ends && p.Size <= end
	info := syncer.LogOf(l.ID, identity.LogName{Topic: l.Topic, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number}, l.genesis)
	info.Own, info.Frozen, info.Ends, info.End = l.Own, l.frozen.Load(), ends, end
	info.Provisional, info.Settled = l.provisional.Load(), l.Row().Frozen && !l.frozen.Load()
	info.Astray = astray
	info.Size, info.Pages, info.SealedSize, info.Root, info.Head, info.Right = p.Size, p.Pages, p.PagesSize, p.Root, head, p.Right
	return info, err
}

// Closed returns at which size the log ends because the record there breaks a
// rule, and which; 0 is that it is open.
func (l *Log) Closed() (size uint64, why event.Reason) {
	row := l.Row()
	if row.Closed == 0 {
		return 0, 0
	}
	return row.Size, row.Closed
}

// Time returns the time of the last of a log's first size events.
func (v Source) Time(id digest.Hash, size uint64) (ms int64, err error) {
	l, err := v.s.Log(id)
	if err != nil || size == 0 {
		return 0, err
	}
	if row := l.Row(); row.Size == size {
		return row.LastTime, nil
	}
	err = v.s.ReadWhole(l, size-1, size, func(run Run) error {
		ms = event.TimeOf(run.Records)
		return nil
	})
	return ms, err
}

// PeaksAt returns the peaks of a log at any size it holds.
func (v Source) PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return mmrindex.Peaks{}, err
	}
	return v.s.peaksIn(l, l.Shown(), size)
}

// Events returns whole records from a sequence on: at most maxBytes of them,
// but at least one, with the proof that they are under the head.
func (v Source) Events(id digest.Hash, from uint64, maxBytes int) (syncer.Chunk, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return syncer.Chunk{}, err
	}
	p := l.Shown()
	if from >= p.Size {
		return syncer.Chunk{}, fmt.Errorf("%w: event %d of %d", ErrRange, from, p.Size)
	}
	c := syncer.Chunk{First: from}
	if c.Head, err = l.Head(p); err != nil {
		return c, err
	}
	err = v.s.eachRun(l, from, p.Size, func(run Run) error { return fillChunk(&c, run, maxBytes) })
	if err != nil && !errors.Is(err, errFull) {
		return syncer.Chunk{}, err
	}
	c.Right, err = v.s.rightOf(l, p, from+uint64(c.Count))
	return c, err
}

var errFull = errors.New("full")

func fillChunk(c *syncer.Chunk, run Run, maxBytes int) error {
	if run.Gone() { // only pages can tell
		if c.Count > 0 {
			return errFull
		}
		return run.erased()
	}
	for rest := run.Records; len(rest) > 0; {
		n, err := recordLen(rest)
		if err != nil {
			return err
		}
		if c.Count > 0 && len(c.Records)+n > maxBytes {
			return errFull
		}
		c.Records = append(c.Records, rest[:n]...)
		c.Count++
		rest = rest[n:]
	}
	return nil
}

// Pages returns full pages from a page on, borrowed from the maps until
// Release, with the proof that they are under the head. The run ends with a
// whole group; it holds at most count pages, or one group.
func (v Source) Pages(id digest.Hash, from, count uint64) (syncer.PageRun, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return syncer.PageRun{}, err
	}
	p := l.Shown()
	if from >= p.Pages {
		return syncer.PageRun{}, fmt.Errorf("%w: page %d of %d", ErrRange, from, p.Pages)
	}
	run := syncer.PageRun{From: from}
	if run.Head, err = l.Head(p); err != nil {
		return run, err
	}
	var refs []segwriter.PageRef
	run.Release = func() {
		for i := range refs {
			refs[i].Release()
		}
	}
	refs, err = l.pageRefs(&run, p.Pages, from, count)
	if errors.Is(err, segwriter.ErrRewritten) {
		run.Release()
		return v.Pages(id, from, count)
	}
	if err == nil {
		run.Right, err = v.s.rightOf(l, p, run.EndSeq)
	}
	if err != nil {
		run.Release()
		return syncer.PageRun{}, err
	}
	return run, nil
}

func (l *Log) pageRefs(run *syncer.PageRun, pages, from, count uint64) (refs []segwriter.PageRef, err error) {
	skip := uint32(0)
	for page, groupEnd := from, from; page < pages && (page < from+count || page < groupEnd); page++ {
		ref, err := l.files.Page(page)
		if err != nil {
			return refs, err
		}
		if page < groupEnd && (ref.Header.Kind != segwriter.KindContinuation || len(ref.Bytes) == 0) {
			ref.Release()
			return refs, segwriter.ErrRewritten
		}
		if page >= groupEnd {
			if ref.Header.Kind == segwriter.KindContinuation {
				ref.Release()
				return refs, fmt.Errorf("%w: page %d is in the middle of an event", ErrRange, page)
			}
			groupEnd = page + uint64(ref.Header.Span)
			if len(refs) > 0 && groupEnd > from+count {
				ref.Release()
				break
			}
			if page == from {
				run.FirstSeq = ref.Header.First
			}
			run.EndSeq = ref.Header.First + uint64(ref.Header.Count)
		}
		refs = append(refs, ref)
		run.Pages = append(run.Pages, ref.Bytes)
		if skip++; ref.Header.Kind == segwriter.KindErased {
			run.Images = append(run.Images, messages.RunImage{Skip: skip - 1, Pages: uint32(ref.Header.Span), Bytes: uint32(len(ref.Bytes))})
			page, skip = groupEnd-1, 0 // the image stands for all of them
		}
	}
	return refs, nil
}
