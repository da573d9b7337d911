// SPDX-License-Identifier: MPL-2.0

package session

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Cosigs is who waits for cosignatures.
type Cosigs struct {
	mu  sync.Mutex // guards all, and what each collector has
	all map[*Collector]struct{}
}

// A Collector gathers the cosignatures of one head.
type Collector struct {
	head    proof.Head
	have    map[[32]byte]proof.Cosignature
	changed chan struct{} // holds one
}

// Collect begins to gather cosignatures of a head, beside those there are.
func (c *Cosigs) Collect(head proof.Head, have []proof.Cosignature) *Collector {
	one := &Collector{head: head, have: map[[32]byte]proof.Cosignature{}, changed: make(chan struct{}, 1)}
	for _, sig := range have {
		one.have[sig.Witness] = sig
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*Collector]struct{}{}
	}
	c.all[one] = struct{}{}
	return one
}

// Done ends what Collect began.
func (c *Cosigs) Done(one *Collector) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, one)
}

// Changed has a value when there may be more.
func (one *Collector) Changed() <-chan struct{} { return one.changed }

// Of returns what a collector has, at most what a checkpoint takes.
func (c *Cosigs) Of(one *Collector) []proof.Cosignature {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]proof.Cosignature, 0, len(one.have))
	for _, sig := range one.have {
		all = append(all, sig)
	}
	return all
}

// take hands a cosignature to whoever waits for it, once it is verified.
func (c *Cosigs) take(m *messages.CosignResponse) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sig := proof.Cosignature{Witness: m.Witness, Time: m.Time, Sig: m.Sig}
	for one := range c.all {
		if one.head.Log != m.Log || one.head.Size != m.Size || one.head.Root != m.Root || len(one.have) == proof.MaxCosignatures {
			continue
		}
		if err := sig.Verify(one.head); err != nil {
			return err
		}
		one.have[sig.Witness] = sig
		select {
		case one.changed <- struct{}{}:
		default:
		}
	}
	return nil
}

// askCosign tells a session to ask its peer.
type askCosign struct {
	l    *store.Log
	head proof.Head
}

// AskCosign asks the peer to cosign a head of a log.
func (s *Session) AskCosign(l *store.Log, head proof.Head) { s.tell(&askCosign{l, head}) }

// ask sends the request, if the peer shares the topic and has answered the
// last one.
func (s *Session) ask(m *askCosign) {
	if s.asked || s.core == nil || s.core.State() != syncer.Syncing {
		return
	}
	if number, ok := s.Number(m.l.Topic); ok {
		s.asked = true
		s.do(syncer.Send{Message: &messages.CosignRequest{Topic: number, Log: m.head.Log, Size: m.head.Size, Root: m.head.Root}})
	}
}

// cosigned takes the answer.
func (s *Session) cosigned(m *messages.CosignResponse) {
	if !s.asked {
		s.step(syncer.Broke{Code: messages.CodeUnexpectedMessage, Text: "a cosignature that was not asked for"})
		return
	}
	s.asked = false
	if m.Time == 0 {
		return // not yet, or never
	}
	if err := s.set.Cosigs.take(m); err != nil {
		s.step(syncer.Broke{Code: messages.CodeBadHead, Text: err.Error()})
	}
}

// cosign answers a peer. A cosigned head is durable before the answer leaves.
func (s *Session) cosign(m *messages.CosignRequest) {
	answer := &messages.CosignResponse{Topic: m.Topic, Log: m.Log, Size: m.Size, Root: m.Root}
	c, err := s.witness(m)
	if err == nil {
		answer.Witness, answer.Time, answer.Sig = c.Witness, c.Time, c.Sig
	} else {
		s.set.Logger.Debug("a head is not cosigned", slog.String("peer", s.conn.Peer().Short()), slog.Any("error", err))
	}
	s.do(syncer.Send{Message: answer})
}

func (s *Session) witness(m *messages.CosignRequest) (c proof.Cosignature, err error) {
	topic, _ := s.topic(m.Topic)
	st := s.set.Store
	l, err := st.Log(m.Log)
	if err != nil {
		return c, err
	}
	if l.Topic != topic {
		return c, fmt.Errorf("%w: log %s is of another topic", store.ErrUnknownLog, m.Log.Short())
	}
	s.set.cosigning.Lock()
	defer s.set.cosigning.Unlock()
	p, err := st.Cosignable(l, m.Size, m.Root)
	if err != nil {
		return c, err
	}
	if p != nil {
		if err := s.set.Pipeline.Put(s.ctx, p.Bucket, p.Key, p.Value); err != nil {
			return c, err
		}
	}
	now := uint64(max(s.set.Now().Unix(), 1))
	return proof.Cosign(st.Device().WitnessKey(topic), proof.Head{Log: m.Log, Size: m.Size, Root: m.Root}, now), nil
}
