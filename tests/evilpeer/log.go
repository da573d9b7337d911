// SPDX-License-Identifier: MPL-2.0

package evilpeer

import (
	"crypto/ed25519"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Log is a true log in memory, to be lied about. Its author may fork it by
// having two.
type Log struct {
	memlog.Log
	Author [32]byte
	Kind   identity.LogKind
	Number uint64

	pages [][]byte // as they are said to be
	ends  []uint64 // sequence after each page; that of its group for a large event's
}

// NewLog returns the data log that key's owner writes in an open topic, with
// these events, at one time.
func NewLog(topic identity.TopicID, key ed25519.PrivateKey, pageBytes int, events ...event.Event) (*Log, error) {
	records := make([][]byte, len(events))
	for i, e := range events {
		var err error
		if records[i], err = event.AppendRecord(nil, e, 1, 0); err != nil {
			return nil, err
		}
	}
	return NewLogOf(identity.DataLog(topic, identity.PublicKey(key), uint32(pageBytes)), key, records...)
}

// NewLogOf returns a log of any name, with these records. The key signs it,
// which need not be the author's.
func NewLogOf(name identity.LogName, key ed25519.PrivateKey, records ...[]byte) (*Log, error) {
	l := &Log{Log: memlog.Log{ID: name.ID(), PageBytes: int(name.PageBytes), Key: key}, Author: name.Author, Kind: name.Kind, Number: name.Number}
	return l, l.Add(records...)
}

// Add puts records behind the others, which may be any that decode, and signs
// them.
func (l *Log) Add(records ...[]byte) error {
	for _, b := range records {
		if err := l.Log.Add(b); err != nil {
			return err
		}
	}
	l.SignAll()
	return l.pack(0)
}

// pack makes the pages; with cut, the first ends before that record though more
// would fit, which no honest peer does.
func (l *Log) pack(cut int) error {
	l.pages, l.ends = nil, nil
	emit := func(_ uint64, page []byte, s segwriter.Seal) error {
		l.pages, l.ends = append(l.pages, slices.Clone(page)), append(l.ends, s.First+uint64(s.Count))
		return nil
	}
	b := segwriter.NewBuilder(l.PageBytes, 0, 0)
	for i, record := range l.Records {
		if cut > 0 && i == cut {
			if err := l.seal(b, emit); err != nil {
				return err
			}
			b = segwriter.NewBuilder(l.PageBytes, 1, uint64(cut))
		}
		if err := b.Add(record, emit); err != nil {
			return err
		}
	}
	return nil
}

// seal makes a builder emit its open page: what comes next does not fit in it.
func (l *Log) seal(b *segwriter.Builder, emit segwriter.Emit) error {
	full, err := event.AppendRecord(nil, event.Event{Payload: make([]byte, l.PageBytes-200)}, 1, 0)
	if err != nil {
		return err
	}
	return b.Add(full, emit)
}

// Cut is the log as it was with n events.
func (l *Log) Cut(n int) *Log {
	c := *l
	c.Log = l.Clone()
	err := c.Log.Cut(uint64(n))
	if err == nil {
		err = c.Add()
	}
	if err != nil {
		panic(err)
	}
	return &c
}

// Name is what the log's id follows from.
func (l *Log) Name(topic identity.TopicID) identity.LogName {
	return identity.LogName{Topic: topic, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number}
}

// Wire is a head as it travels.
func Wire(h proof.Head) messages.Head {
	return messages.Head{Size: h.Size, Root: h.Root, Sig: h.Sig}
}

// Pages is the number of full pages.
func (l *Log) Pages() int { return len(l.pages) }

// State is what there is to say of the log in a DIFF.
func (l *Log) State() messages.LogState {
	return messages.LogState{
		Log: l.ID, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number,
		Size: uint64(len(l.Leaves)), Pages: uint64(len(l.pages)), Head: Wire(l.Head),
	}
}

// List is a DIFF with the state of logs and nothing else.
func List(states ...messages.LogState) *messages.Diff {
	return &messages.Diff{Rung: messages.RungFrontier, Entries: states}
}

// Part is a DIFF that says nothing of other logs.
func Part(states ...messages.LogState) *messages.Diff {
	d := List(states...)
	d.Part = true
	return d
}

// Events is the events [from, to) with their proof.
func (l *Log) Events(from, to uint64) *messages.Events {
	return &messages.Events{
		Log: l.ID, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number,
		First: from, Count: uint32(to - from), Head: Wire(l.Head), Right: l.Compact(to, l.Head.Size), Records: slices.Concat(l.Records[from:to]...),
	}
}

// FirstOf is the sequence of the first event of a page, or of the first event
// that is in no full page.
func (l *Log) FirstOf(page int) uint64 {
	if page == 0 {
		return 0
	}
	return l.ends[page-1]
}

// Run is the pages [from, to) with their proof.
func (l *Log) Run(from, to int) (*messages.PageResponse, []byte) {
	first := uint64(0)
	if from > 0 {
		first = l.ends[from-1]
	}
	end := l.ends[to-1]
	return &messages.PageResponse{
		Log: l.ID, From: uint64(from), Count: uint32(to - from), FirstSeq: first, EndSeq: end,
		PageBytes: uint32(l.PageBytes), Head: Wire(l.Head), Right: l.Compact(end, l.Head.Size), More: true,
	}, slices.Concat(l.pages[from:to]...)
}

// Wasteful is the log with pages of which the first is not full.
func (l *Log) Wasteful() *Log {
	c := *l
	if err := c.pack(2); err != nil {
		panic(err)
	}
	return &c
}

// Range is the events [from, to) with all it takes to see that they are under
// the head.
func (l *Log) Range(from, to uint64) *messages.RangeResponse {
	return &messages.RangeResponse{
		Log: l.ID, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number,
		First: from, Count: uint32(to - from), Head: Wire(l.Head),
		Left: l.Compact(0, from), Right: l.Compact(to, l.Head.Size), Records: slices.Concat(l.Records[from:to]...),
	}
}
