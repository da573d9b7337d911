// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// requests are scenarios of what is asked for within a session.
func requests() []scenario {
	return []scenario{
		{"pages are served", pagesServed},
		{"ranges are served", rangesServed},
		{"proofs are given", proofsGiven},
		{"heads are cosigned", headsCosigned},
		{"requests are refused on their streams", requestsRefused},
	}
}

// within begins a session in which both hold the same, and finds a log of more
// than 64 pages.
func within(s *suite) (*peer, *conversation, *evilpeer.Log, error) {
	c, err := same(s, s.one(), s.one().all())
	if err != nil {
		return nil, nil, nil, err
	}
	p := s.open[len(s.open)-1]
	for _, id := range s.one().all().ids() {
		if l := s.one().truth[id]; l.Pages() > 2*pullPages {
			return p, c, l, nil
		}
	}
	return nil, nil, nil, fmt.Errorf("no log is long: the scenarios before this one make one")
}

func pagesServed(s *suite) error {
	p, c, l, err := within(s)
	if err != nil {
		return err
	}
	for _, q := range []messages.PageRequest{
		{From: 0, Count: 1}, {From: 3, Count: 70}, {From: 0, Count: 1 << 40, Tail: true}, {From: uint64(l.Pages()), Count: 1, Tail: true},
	} {
		q.Topic, q.Log = c.number, l.ID
		end, err := p.fetchPages(&q, l)
		if err != nil {
			return err
		}
		if q.Tail && end != uint64(len(l.Leaves)) {
			return ruleTail.broken("pages from %d and the tail end at event %d of %d", q.From, end, len(l.Leaves))
		}
	}
	return p.alive(4)
}

func rangesServed(s *suite) error {
	p, c, l, err := within(s)
	if err != nil {
		return err
	}
	n := uint64(len(l.Leaves))
	for _, q := range []messages.RangeRequest{
		{}, {From: 17, To: 4711}, {From: 17, To: 4711, Newest: true}, {Newest: true, Limit: 33}, {From: 5, Limit: 2}, {From: n, To: n + 10}, {From: 4, To: 4},
	} {
		q.Topic, q.Log = c.number, l.ID
		if err := p.fetchRange(&q, l); err != nil {
			return err
		}
	}
	return p.alive(5)
}

// fetchRange asks for a range and holds the answer against what is true.
func (p *peer) fetchRange(q *messages.RangeRequest, l *evilpeer.Log) error {
	n := uint64(len(l.Leaves))
	from, to := min(q.From, n), n
	if q.To > 0 {
		to = min(q.To, n)
	}
	if limit := q.Limit; limit > 0 && to > from && to-from > limit {
		if q.Newest {
			from = to - limit
		} else {
			to = from + limit
		}
	}
	in, err := p.request(q)
	if err != nil {
		return err
	}
	head, at := false, from
	if q.Newest {
		at = to
	}
	err = readAll(in, func(m messages.Message) error {
		r, ok := m.(*messages.RangeResponse)
		if !ok {
			return ruleRanges.broken("%s is the answer to RANGE_REQUEST", m.Type())
		}
		end := r.First + uint64(r.Count)
		if !slices.Equal(r.Left, l.Compact(0, r.First)) {
			return ruleTree.broken("log %s: *left* before event %d is another", l.ID.Short(), r.First)
		}
		if err := checkEvents(l, r.First, end, r.Head, r.Right, r.Records); err != nil {
			return err
		}
		switch {
		case !head:
			if head = true; r.Count > 0 || r.Head.Size != n {
				return ruleRanges.broken("the head comes first, and is at %d: %d events under a head at %d", n, r.Count, r.Head.Size)
			}
		case r.Count == 0 || q.Newest && end != at || !q.Newest && r.First != at:
			return ruleRanges.broken("events %d to %d, want them at %d", r.First, end, at)
		case q.Newest:
			at = r.First
		default:
			at = end
		}
		return nil
	})
	if last := map[bool]uint64{true: from, false: to}[q.Newest]; err == nil && (!head || at != last && from < to) {
		err = ruleRanges.broken("events %d to %d, newest first: %v; the answer ends at %d", from, to, q.Newest, at)
	}
	return err
}

// proofsGiven: an answer, none for what is not there, and the order of both.
func proofsGiven(s *suite) error {
	p, c, l, err := within(s)
	if err != nil {
		return err
	}
	n := uint64(len(l.Leaves))
	asked := []messages.ProofRequest{{Log: l.ID, Seq: 0}, {Log: l.ID, Seq: n}, {Log: named("no log")}, {Log: l.ID, Seq: n - 1}}
	for _, q := range asked {
		q.Topic = c.number
		if err := p.send(&q); err != nil {
			return err
		}
	}
	if err := p.send(&messages.Ping{Nonce: 6}); err != nil {
		return err
	}
	var came []uint64
	err = p.await(rulePong, "a PONG", func(m messages.Message) (bool, error) {
		switch m := m.(type) {
		case *messages.ProofResponse:
			came = append(came, m.Seq)
			return false, checkProof(l, m)
		case *messages.Pong:
			return true, nil
		}
		return false, nil
	})
	if err == nil && !slices.Equal(came, []uint64{0, n - 1}) {
		err = ruleProofOrder.broken("proofs of %d came before the PONG, want those of 0 and %d", came, n-1)
	}
	return err
}

func checkProof(l *evilpeer.Log, m *messages.ProofResponse) error {
	if err := checkHead(l, m.Head); err != nil {
		return err
	}
	leaf := digest.Leaf(m.Leaf)
	if m.Log != l.ID || leaf != l.Leaves[m.Seq] {
		return ruleProof.broken("the leaf of event %d of log %s is another", m.Seq, m.Log.Short())
	}
	if err := proof.VerifyInclusion(leaf, m.Seq, m.Head.Size, m.Hashes, m.Head.Root); err != nil {
		return ruleProof.broken("event %d: %v", m.Seq, err)
	}
	return nil
}

func headsCosigned(s *suite) error {
	p, c, l, err := within(s)
	if err != nil {
		return err
	}
	other := l.Head
	other.Root[0] ^= 1
	for _, h := range []proof.Head{other, l.Head, l.Head} {
		if err := p.send(&messages.CosignRequest{Topic: c.number, Log: l.ID, Size: h.Size, Root: h.Root}); err != nil {
			return err
		}
		err := p.await(ruleCosign, "an answer to COSIGN_REQUEST", func(m messages.Message) (bool, error) {
			a, ok := m.(*messages.CosignResponse)
			if !ok {
				return false, nil
			}
			return true, checkCosigned(l, h, a)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func checkCosigned(l *evilpeer.Log, h proof.Head, a *messages.CosignResponse) error {
	switch {
	case a.Log != l.ID || a.Size != h.Size || a.Root != h.Root:
		return ruleCosign.broken("the answer is to another request")
	case h.Root != l.Head.Root && a.Time != 0:
		return ruleCosign.broken("it cosigns a root that is not the log's")
	case h.Root != l.Head.Root:
		return nil
	}
	if err := (proof.Cosignature{Witness: a.Witness, Time: a.Time, Sig: a.Sig}).Verify(h); err != nil {
		return ruleCosign.broken("the cosignature of the newest head: %v", err)
	}
	return nil
}

// A wrongRequest is answered by ERROR on its stream.
type wrongRequest struct {
	rule rule
	code messages.Code
	m    messages.Message
}

func wrongRequests(c *conversation, l *evilpeer.Log) []wrongRequest {
	var id digest.Hash
	if l != nil {
		id = l.ID
	}
	const beyond rule = "a request for no pages, or from beyond the last full page and the one after it, with code 10"
	return []wrongRequest{
		{"answered like one that does not exist: ERROR with code 11", 11, &messages.PageRequest{Topic: c.number, Log: named("no log"), Count: 1}},
		{"one of a topic that is not shared, or not any more, with code 26", 26, &messages.PageRequest{Topic: 77, Log: id, Count: 1}},
		{beyond, 10, &messages.PageRequest{Topic: c.number, Log: id}},
		{beyond, 10, &messages.PageRequest{Topic: c.number, Log: id, From: 1 << 30, Count: 1}},
		{"A log is refused as for pages", 11, &messages.RangeRequest{Topic: c.number, Log: named("no log")}},
		{"A log is refused as for pages", 26, &messages.RangeRequest{Topic: 77, Log: id}},
		{"A name that nobody has registered is answered by ERROR with code 25", 25, &messages.Open{Capability: "conformance"}},
	}
}

// requestsRefused: the session goes on.
func requestsRefused(s *suite) error {
	p, c, l, err := within(s)
	if err != nil {
		return err
	}
	for _, q := range wrongRequests(c, l) {
		in, err := p.request(q.m)
		if err != nil {
			return err
		}
		var said *messages.Error
		err = readAll(in, func(m messages.Message) error {
			said, _ = m.(*messages.Error)
			return nil
		})
		if said == nil || said.Code != q.code || err != nil {
			return q.rule.broken("%s is answered by %v (%v)", q.m.Type(), said, err)
		}
	}
	return p.alive(8)
}
