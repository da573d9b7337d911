// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrQuota is wrapped by every *QuotaError.
var ErrQuota = errors.New("quota reached")

// A Quota bounds what a store takes. What is zero is not bounded.
type Quota struct {
	// StoreBytes is of all files of the store, for appends here and from
	// peers. Segment files count whole from when they are begun.
	StoreBytes int64
	// FreeBytes must stay free on the file system of the store, for appends
	// here and from peers.
	FreeBytes int64
	// LogBytes is of the events of one log of somebody else.
	LogBytes int64
	// PeerBytes is of the events that one peer may bring, its own and those of
	// others, since the store was opened.
	PeerBytes int64
	// PeerLogs is of the logs, new to this store, that one peer may bring since
	// the store was opened.
	PeerLogs int
}

// A QuotaError says which bound of a Quota an append met. It wraps ErrQuota.
// What a peer sends of a log is left alone from then on, in its session;
// everything else goes on.
type QuotaError struct {
	Bound string // "store bytes", "free bytes", "log bytes", "peer bytes" or "peer logs"
	Limit int64
	Would int64 // what it would have come to
}

func (e *QuotaError) Error() string {
	side := "more than"
	if e.Bound == boundFree {
		side = "less than"
	}
	return fmt.Sprintf("%v: %s would be %d, %s %d; free space or raise the quota, and open the store again", ErrQuota, e.Bound, e.Would, side, e.Limit)
}

// Is makes the error an ErrQuota, and one that leaves a log alone.
func (e *QuotaError) Is(target error) bool { return target == ErrQuota || target == syncer.ErrUnwanted }

// What a QuotaError says was reached; those that others need are of one peer.
const (
	boundStore    = "store bytes"
	boundFree     = "free bytes"
	boundLog      = "log bytes"
	BoundPeer     = "peer bytes"
	BoundPeerLogs = "peer logs"
)

// maxPeerCounts bounds the peers whose use is remembered; one that nobody
// remembers begins anew. Who can have any number of keys is bounded by
// StoreBytes only.
const maxPeerCounts = 1 << 16

// diskWait is the longest that a look at the disk is believed.
const diskWait = 100 * time.Millisecond

// diskCopies is how often an event may lie on the disk at a time: in the AOF
// and in a page.
const diskCopies = 2

// A gauge holds a store to its quota.
type gauge struct {
	q  Quota
	st *store.Store

	mu    sync.Mutex
	logs  map[digest.Hash]int64 // bytes of events, of logs of others that grew
	peers map[identity.PeerID]*peerUse

	used, free int64     // bytes at the last look,
	since      int64     // and what was taken since, as it may lie on disk
	looked     time.Time // when that was
}

type peerUse struct {
	bytes int64
	logs  int
}

func newGauge(q Quota, st *store.Store) *gauge {
	return &gauge{q: q, st: st, logs: map[digest.Hash]int64{}, peers: map[identity.PeerID]*peerUse{}}
}

// local takes note of an append here, or says why it is refused.
func (g *gauge) local(bytes int) error {
	if g.q.StoreBytes == 0 && g.q.FreeBytes == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.disk(int64(bytes)); err != nil {
		return err
	}
	g.since += diskCopies * int64(bytes)
	return nil
}

// Room takes note of events that a peer brings, or says why a quota refuses them.
// Nothing of what is refused is counted.
func (p *Pipeline) Room(peer identity.PeerID, log digest.Hash, bytes int) error {
	return p.gauge.remote(peer, log, bytes)
}

func (g *gauge) remote(peer identity.PeerID, log digest.Hash, bytes int) error {
	if g.q == (Quota{}) {
		return nil
	}
	if l, err := g.st.Log(log); err == nil && l.Own {
		return g.local(bytes) // our own events come back
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	held, fresh, err := g.held(log)
	if err != nil {
		return err
	}
	use := g.peer(peer)
	n := int64(bytes)
	if err := errors.Join(over(boundLog, g.q.LogBytes, held+n), over(BoundPeer, g.q.PeerBytes, use.bytes+n)); err != nil {
		return err
	}
	if fresh {
		if err := over(BoundPeerLogs, int64(g.q.PeerLogs), int64(use.logs)+1); err != nil {
			return err
		}
	}
	if err := g.disk(n); err != nil {
		return err
	}
	if fresh {
		use.logs++
	}
	use.bytes += n
	g.logs[log] = held + n
	g.since += diskCopies * n
	return nil
}

func over(bound string, limit, would int64) error {
	if limit > 0 && would > limit {
		return &QuotaError{Bound: bound, Limit: limit, Would: would}
	}
	return nil
}

// held returns how many bytes of events are here of a log, and whether it is
// new. What is in its open page when it is first looked at is not counted.
func (g *gauge) held(id digest.Hash) (bytes int64, fresh bool, err error) {
	if n, ok := g.logs[id]; ok {
		return n, false, nil
	}
	l, err := g.st.Log(id)
	if errors.Is(err, store.ErrUnknownLog) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	return int64(l.State().Pages)*int64(l.PageBytes) + g.st.RangeBytes(id), false, nil
}

func (g *gauge) peer(id identity.PeerID) *peerUse {
	use := g.peers[id]
	if use == nil {
		if len(g.peers) >= maxPeerCounts {
			for other := range g.peers {
				delete(g.peers, other)
				break
			}
		}
		use = &peerUse{}
		g.peers[id] = use
	}
	return use
}

// disk checks that n more bytes fit in the store and on the disk. It looks at
// the disk when what it knows is old, or says that they do not.
func (g *gauge) disk(n int64) error {
	if g.q.StoreBytes <= 0 && g.q.FreeBytes <= 0 {
		return nil
	}
	old := time.Since(g.looked)
	if g.fits(n) != nil && g.since > 0 || old > diskWait && g.q.FreeBytes > 0 || old > time.Second {
		if err := g.look(); err != nil {
			return err
		}
	}
	return g.fits(n)
}

func (g *gauge) fits(n int64) error {
	n *= diskCopies
	if err := over(boundStore, g.q.StoreBytes, g.used+g.since+n); err != nil {
		return err
	}
	if left := g.free - g.since - n; g.q.FreeBytes > 0 && left < g.q.FreeBytes {
		return &QuotaError{Bound: boundFree, Limit: g.q.FreeBytes, Would: left}
	}
	return nil
}

func (g *gauge) look() error {
	free, err := durable.FreeBytes(g.st.SystemDir())
	if err != nil {
		return err
	}
	g.free = int64(min(free, 1<<62))
	if g.q.StoreBytes > 0 {
		if g.used, err = g.st.Bytes(); err != nil {
			return err
		}
	}
	g.since, g.looked = 0, time.Now()
	return nil
}
