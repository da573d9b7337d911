// SPDX-License-Identifier: MPL-2.0

package node

import (
	"context"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Bounds of collecting cosignatures.
const (
	cosignTimeout = 10 * time.Second       // of it all
	cosignAgain   = 250 * time.Millisecond // until peers are asked again that did not hold the head yet
)

// cosignNewer is how long a head is asked for once there is a newer one. Peers
// that cosigned that for somebody else refuse the older one for good.
const cosignNewer = time.Second

// Cosign asks the connected peers of a log's topic to cosign a head of it, until
// n witnesses have, and keeps what they sent. Cosignatures in c count.
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
		head, err := l.Head(l.State())
		if err != nil {
			return store.Cosigned{}, err
		}
		c = store.Cosigned{Head: head}
	}
}

// collect asks for one head; nil and no error says that there is a newer one.
func (n *Node) collect(ctx context.Context, l *store.Log, want int, of store.Cosigned) ([]proof.Cosignature, error) {
	c := n.sessions.Cosigs.Collect(of.Head, of.Cosigs)
	defer n.sessions.Cosigs.Done(c)
	until := time.Now().Add(cosignNewer)
	for l.State().HeadSize() == of.Head.Size || time.Now().Before(until) {
		for _, s := range n.mesh.Live() {
			s.AskCosign(l, of.Head)
		}
		all, err := n.gather(ctx, c, of.Head, want)
		if all != nil || err != nil {
			return all, err
		}
	}
	return nil, nil
}

// gather waits for what peers answer; nil and no error says to ask again.
func (n *Node) gather(ctx context.Context, c *session.Collector, head proof.Head, want int) ([]proof.Cosignature, error) {
	again := time.NewTimer(cosignAgain)
	defer again.Stop()
	for {
		all := n.sessions.Cosigs.Of(c)
		if len(all) >= want {
			return all, nil
		}
		select {
		case <-c.Changed():
		case <-again.C:
			return nil, nil
		case <-n.ctx.Done():
			return nil, pipeline.ErrClosed
		case <-ctx.Done():
			return all, fmt.Errorf("%w: %d of %d cosigned the head of log %s at %d; connect to more peers that hold it",
				proof.ErrWitnesses, len(all), want, head.Log.Short(), head.Size)
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
