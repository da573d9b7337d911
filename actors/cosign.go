// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of collecting cosignatures.
const (
	cosignTimeout = 10 * time.Second       // of it all
	cosignAgain   = 250 * time.Millisecond // until peers are asked again that did not hold the head yet
)

// cosignNewer is how long a head is asked for once there is a newer one. Peers
// that cosigned that for somebody else refuse the older one for good.
const cosignNewer = time.Second

// collectors are those who wait for cosignatures.
type collectors struct {
	mu  sync.Mutex
	all map[*collector]struct{}
}

// A collector gathers the cosignatures of one head.
type collector struct {
	head    proof.Head
	have    map[[32]byte]proof.Cosignature
	changed chan struct{} // holds one
}

// askCosign tells a session to ask its peer.
type askCosign struct {
	l    *store.Log
	head proof.Head
}

// Cosign asks the connected peers of a log's topic to cosign a head of it, until
// n witnesses have, and keeps what they sent. What c has of cosignatures counts.
// It returns what was collected of that head or, if the log grows meanwhile, of
// a newer one. The error is proof.ErrWitnesses if too few did.
func (n *Node) Cosign(ctx context.Context, l *store.Log, want int, c store.Cosigned) (store.Cosigned, error) {
	ctx, cancel := context.WithTimeout(ctx, cosignTimeout)
	defer cancel()
	for {
		all, err := n.collect(ctx, l, want, c)
		if all != nil || err != nil {
			c.Cosigs = all
			return c, n.keepCosigned(c.Head, all, err)
		}
		c = store.Cosigned{Head: l.State().Head}
	}
}

// collect asks for one head; nil and no error says that there is a newer one.
func (n *Node) collect(ctx context.Context, l *store.Log, want int, of store.Cosigned) ([]proof.Cosignature, error) {
	c := &collector{head: of.Head, have: map[[32]byte]proof.Cosignature{}, changed: make(chan struct{}, 1)}
	for _, one := range of.Cosigs {
		c.have[one.Witness] = one
	}
	n.cosigs.add(c)
	defer n.cosigs.remove(c)
	until := time.Now().Add(cosignNewer)
	for l.State().Head.Size == of.Head.Size || time.Now().Before(until) {
		for _, s := range n.live() {
			s.tell(&askCosign{l, of.Head})
		}
		all, err := n.gather(ctx, c, want)
		if all != nil || err != nil {
			return all, err
		}
	}
	return nil, nil
}

// gather waits for what peers answer; nil and no error says to ask again.
func (n *Node) gather(ctx context.Context, c *collector, want int) ([]proof.Cosignature, error) {
	again := time.NewTimer(cosignAgain)
	defer again.Stop()
	for {
		all := n.cosigs.of(c)
		if len(all) >= want {
			return all, nil
		}
		select {
		case <-c.changed:
		case <-again.C:
			return nil, nil
		case <-n.ctx.Done():
			return nil, pipeline.ErrClosed
		case <-ctx.Done():
			return all, fmt.Errorf("%w: %d of %d cosigned the head of log %s at %d; connect to more peers that hold it",
				proof.ErrWitnesses, len(all), want, c.head.Log.Short(), c.head.Size)
		}
	}
}

// keepCosigned stores what was collected.
func (n *Node) keepCosigned(head proof.Head, all []proof.Cosignature, err error) error {
	if len(all) == 0 || n.Broken() != nil {
		return err
	}
	p, putErr := n.cfg.Store.PutCosigned(store.Cosigned{Head: head, Cosigs: all})
	if putErr == nil {
		putErr = n.pipeline.Put(n.ctx, p.Bucket, p.Key, p.Value)
	}
	if err == nil {
		err = putErr
	}
	return err
}

func (c *collectors) add(one *collector) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*collector]struct{}{}
	}
	c.all[one] = struct{}{}
}

func (c *collectors) remove(one *collector) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, one)
}

// of returns what a collector has, at most what a checkpoint takes.
func (c *collectors) of(one *collector) []proof.Cosignature {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]proof.Cosignature, 0, len(one.have))
	for _, sig := range one.have {
		all = append(all, sig)
	}
	return all
}

// take hands a cosignature to who waits for it, once it is verified.
func (c *collectors) take(m *messages.CosignResponse) error {
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

// ask sends the request, where the peer shares the topic and has answered the
// last one.
func (s *session) ask(m *askCosign) {
	if s.asked || s.core == nil || s.core.State() != syncer.Syncing {
		return
	}
	if number, ok := s.Number(m.l.Topic); ok {
		s.asked = true
		s.do(syncer.Send{Message: &messages.CosignRequest{Topic: number, Log: m.head.Log, Size: m.head.Size, Root: m.head.Root}})
	}
}

// cosigned takes the answer.
func (s *session) cosigned(m *messages.CosignResponse) {
	if !s.asked {
		s.step(syncer.Broke{Code: messages.CodeUnexpectedMessage, Text: "a cosignature that was not asked for"})
		return
	}
	s.asked = false
	if m.Time == 0 {
		return // not yet, or never
	}
	if err := s.n.cosigs.take(m); err != nil {
		s.step(syncer.Broke{Code: messages.CodeBadHead, Text: err.Error()})
	}
}

// cosign answers a peer. What is cosigned is durable before the answer leaves.
func (s *session) cosign(m *messages.CosignRequest) {
	answer := &messages.CosignResponse{Topic: m.Topic, Log: m.Log, Size: m.Size, Root: m.Root}
	c, err := s.witness(m)
	if err == nil {
		answer.Witness, answer.Time, answer.Sig = c.Witness, c.Time, c.Sig
	} else {
		s.n.cfg.Logger.Sugar().Debugf("cosign for %s: %v", s.conn.Peer().Short(), err)
	}
	s.do(syncer.Send{Message: answer})
}

func (s *session) witness(m *messages.CosignRequest) (c proof.Cosignature, err error) {
	topic, _ := s.topic(m.Topic)
	st := s.n.cfg.Store
	l, err := st.Log(m.Log)
	if err != nil {
		return c, err
	}
	if l.Topic != topic {
		return c, fmt.Errorf("%w: log %s is of another topic", store.ErrUnknownLog, m.Log.Short())
	}
	s.n.cosigning.Lock()
	defer s.n.cosigning.Unlock()
	p, err := st.Cosignable(l, m.Size, m.Root)
	if err != nil {
		return c, err
	}
	if p != nil {
		if err := s.n.pipeline.Put(s.ctx, p.Bucket, p.Key, p.Value); err != nil {
			return c, err
		}
	}
	now := uint64(max(s.n.cfg.Now().Unix(), 1))
	return proof.Cosign(st.Device().WitnessKey(topic), proof.Head{Log: m.Log, Size: m.Size, Root: m.Root}, now), nil
}
