// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Span is events of a log: those from First to the one before End.
type Span struct {
	First uint64 `json:"first"`
	End   uint64 `json:"end"`
}

func peerIDs(inner []identity.PeerID) []PeerID {
	all := make([]PeerID, len(inner))
	for i, p := range inner {
		all[i] = PeerID(p)
	}
	return all
}

func spans(inner []syncer.Span) []Span {
	all := make([]Span, len(inner))
	for i, s := range inner {
		all[i] = Span(s)
	}
	return all
}

// A Fetch says which part of a log is wanted, wherever in it.
type Fetch struct {
	Log    LogID     `json:"log,omitzero"`     // or else, if it is zero or nobody has it,
	Author AuthorKey `json:"author,omitzero"`  // the log of this author in the topic
	From   uint64    `json:"from,omitempty"`   // first event
	To     uint64    `json:"to,omitempty"`     // the event after the last; 0 means as far as a peer holds
	Last   uint64    `json:"last,omitempty"`   // only so many events, the last before To; 0 means all
	Newest bool      `json:"newest,omitempty"` // bring the newest first
	// Peers is whom to ask: addresses, or invites with addresses in them. A
	// peer without a session is only asked, and nothing else is synced with
	// it. Default: all connected peers of the topic.
	Peers []string `json:"peers,omitempty"`
}

// A FetchReport says what a Fetch brought.
type FetchReport struct {
	Log    LogID     `json:"log"`
	Author AuthorKey `json:"author"`
	Head   Head      `json:"head"`   // the newest that a peer told
	Part   Span      `json:"part"`   // what was wanted
	Events uint64    `json:"events"` // that were not held before
	From   []PeerID  `json:"from"`   // who brought them
	Gaps   []Span    `json:"gaps"`   // in Part, that nobody brought
}

// Fetch brings a part of a log from peers, as far as it is not held: the newest
// events of a log before the others, or a piece out of its middle. Each chunk
// is verified under a head that the author signed, and stored as it comes: a
// Fetch that is cut off goes on where it was when it is called again.
//
// Log.Get, and Events with Query.Ranges, read what was fetched. It is not given
// to subscribers before everything in front of it is held too: then it becomes a
// part of the log like any other, without being fetched again.
func (t *Topic) Fetch(ctx context.Context, f Fetch) (_ FetchReport, err error) {
	defer t.db.out(&err)
	if err := t.db.usable(); err != nil {
		return FetchReport{}, fmt.Errorf("fetch: %w", err)
	}
	var peers []identity.Address
	for _, p := range f.Peers {
		addrs, err := addresses(p)
		if err != nil {
			return FetchReport{}, fmt.Errorf("fetch: %w", err)
		}
		peers = append(peers, addrs...)
	}
	return t.fetch(ctx, f, swarm.RangeFetch{Peers: each(peers)})
}

// FetchOver is Fetch from the peer at the other end of a pair of pipes, which
// calls ServeOver; see SyncOver. Fetch.Peers is passed over. rw is closed when
// FetchOver returns.
func (t *Topic) FetchOver(ctx context.Context, rw io.ReadWriteCloser, place string, f Fetch) (_ FetchReport, err error) {
	defer t.db.out(&err)
	if err := t.db.meets(); err != nil {
		return FetchReport{}, errors.Join(fmt.Errorf("fetch over %s: %w", place, err), rw.Close())
	}
	conn, err := t.db.pipes.Connect(ctx, rw, identity.PeerID{}, place)
	if err != nil {
		return FetchReport{}, fmt.Errorf("fetch over %s: %w", place, err)
	}
	defer conn.CloseWithError(0, "")
	return t.fetch(ctx, f, swarm.RangeFetch{Over: conn})
}

func (t *Topic) fetch(ctx context.Context, f Fetch, want swarm.RangeFetch) (FetchReport, error) {
	if f.Log.IsZero() && f.Author.IsZero() {
		return FetchReport{}, fmt.Errorf("fetch: %w: neither a log nor an author is named", ErrUnknownLog)
	}
	if f.To > 0 && f.To < f.From {
		return FetchReport{}, fmt.Errorf("fetch: %w: events %d to %d", ErrRange, f.From, f.To)
	}
	if err := t.db.meets(); err != nil {
		return FetchReport{}, fmt.Errorf("fetch: %w", err)
	}
	done, err := t.db.reading()
	if err != nil {
		return FetchReport{}, err
	}
	defer done()
	want.Topic, want.Log, want.Author = t.t, digest.Hash(f.Log), f.Author
	want.From, want.To, want.Last, want.Newest = f.From, f.To, f.Last, f.Newest
	r, err := t.db.node.FetchRange(ctx, want)
	report := FetchReport{
		Log: LogID(r.Log), Author: AuthorKey(r.Author), Part: Span(r.Part), Events: r.Events, From: peerIDs(r.From), Gaps: spans(r.Gaps),
		Head: headOf(r.Head, r.Author),
	}
	if err != nil {
		return report, fmt.Errorf("fetch: %w", err)
	}
	return report, nil
}

// Held returns which parts of the log are held, in order. The first one begins
// the log, or it is missing.
func (l *Log) Held() []Span {
	if l.l == nil {
		return nil
	}
	return spans(l.db.st.Held(l.l))
}

// Gaps returns which parts of the log are not held, up to the newest head that
// something held is proven under.
func (l *Log) Gaps() []Span {
	if l.l == nil {
		return nil
	}
	return spans(l.db.st.Gaps(l.l))
}

// NewestHead returns the newest head that something held is proven under: that
// of Head, or of what Fetch brought.
func (l *Log) NewestHead() Head {
	if l.l == nil {
		return Head{}
	}
	h, err := l.db.st.NewestHead(l.l)
	if err != nil {
		h = proof.Head{}
	}
	return l.head(h)
}
