// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A rangeSource is a source of one FetchRange, and what it told.
type rangeSource struct {
	Source
	visit *visit        // the source, if it is one
	head  *syncer.Range // that it told
	err   error         // why it told none
}

// rangeSources returns the peers to ask: those that were named, or else all that
// are connected and share the topic. A peer that is connected is not visited.
func (sw *Swarm) rangeSources(t *store.Topic, named []identity.Address, over transport.Conn) (all []*rangeSource) {
	if over != nil {
		return []*rangeSource{sw.visitor(&visit{Visits: sw.Visits, topic: t, peer: over.Peer(), over: over})}
	}
	connected := sw.Connected(t.ID)
	if len(named) == 0 {
		for _, s := range connected {
			all = append(all, &rangeSource{Source: s})
		}
		return all
	}
next:
	for _, a := range named {
		for _, s := range connected {
			if s.Peer() == a.Peer {
				all = append(all, &rangeSource{Source: s})
				continue next
			}
		}
		all = append(all, sw.visitor(&visit{Visits: sw.Visits, topic: t, peer: a.Peer, at: a}))
	}
	return all
}

func (sw *Swarm) visitor(v *visit) *rangeSource {
	v.ctx, v.refused = sw.Context, sw.Refused
	return &rangeSource{Source: v, visit: v}
}

// hangUp ends the visit, if it is one.
func (s *rangeSource) hangUp(code messages.Code) {
	if s.visit != nil {
		s.visit.end(code)
	}
}

// comesAgain reports whether a visit that was cut off is begun again: a peer gives
// up a session in which nothing is said.
func (s *rangeSource) comesAgain(ctx context.Context, err error) bool {
	if s.visit == nil || !s.visit.comesAgain(err) || ctx.Err() != nil {
		return false
	}
	s.visit.end(messages.CodeClosing)
	return true
}

// number is what the topic goes by on the wire. One that is not shared any more is
// refused by the peer.
func (s *rangeSource) number(id identity.TopicID) uint32 {
	n, ok := s.Number(id)
	if !ok {
		return math.MaxUint32
	}
	return n
}

// askRange sends a request and hands take what comes, verified: first the head, then
// chunks. A visit that ended before it brought anything is begun again.
func (o Visits) askRange(ctx context.Context, s *rangeSource, req *messages.RangeRequest, info syncer.LogInfo, take func(*syncer.Range) error) error {
	for tries := 1; ; tries++ {
		pull := syncer.NewRangePull(info, req)
		err := o.ask(ctx, s, req, func(in *syncer.Answer) error { return eachRange(in, pull, take) })
		if err == nil && pull.Head() == nil {
			err = &syncer.Violation{Code: messages.CodeBadRange, Text: "an answer without a head"}
		}
		var v *syncer.Violation
		if errors.As(err, &v) {
			s.Broke(v)
		}
		if err == nil || pull.Head() != nil || tries == visitTries || !s.comesAgain(ctx, err) {
			return err
		}
	}
}

// headOf asks a source for its head, and for no event. The topic has a number on the
// wire.
func (o Visits) headOf(ctx context.Context, s *rangeSource, number uint32, topic *store.Topic, log digest.Hash) (*syncer.Range, error) {
	req := &messages.RangeRequest{Topic: number, Log: log, From: messages.MaxCount}
	var head *syncer.Range
	err := o.askRange(ctx, s, req, syncer.LogOf(log, identity.LogName{Topic: topic.ID}, topic.Genesis), func(r *syncer.Range) error {
		head = r
		return nil
	})
	return head, err
}

// eachRange reads and verifies each response.
func eachRange(in *syncer.Answer, pull *syncer.RangePull, take func(*syncer.Range) error) error {
	for {
		m, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		response, ok := m.(*messages.RangeResponse)
		if !ok {
			return syncer.Unexpected(m)
		}
		r, err := pull.Take(response)
		if err == nil {
			err = take(r)
		}
		if err != nil {
			return err
		}
	}
}
