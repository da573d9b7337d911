// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrQuota is wrapped by every *QuotaError.
var ErrQuota = errors.New("quota reached")

// A Quota bounds what a store takes. A field of zero is no bound.
type Quota struct {
	// StoreBytes is of all files of the store, for appends here and from
	// peers. Segment files count whole from when they are begun.
	StoreBytes int64
	// FreeBytes must stay free on the file system of the store, for appends
	// here and from peers.
	FreeBytes int64
	// LogBytes is of the events of one log of somebody else. A member that makes
	// further keys has further logs: StoreBytes and FreeBytes bound all of them.
	LogBytes int64
}

// A QuotaError says which bound of a Quota an append met. It wraps ErrQuota.
// A log that a peer sends is left alone from then on, in its session;
// everything else goes on.
type QuotaError struct {
	Bound string // "store bytes", "free bytes" or "log bytes"
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

// The bounds that a QuotaError names. There is no bound of a peer: a peer makes
// a new key, and is another one.
const (
	boundStore = "store bytes"
	boundFree  = "free bytes"
	boundLog   = "log bytes"
)

// diskWait is the longest that a look at the disk is believed.
const diskWait = 100 * time.Millisecond

// diskCopies is how often an event may lie on the disk at a time: in the AOF
// and in a page.
const diskCopies = 2

// A quotaGate holds a store to its quota.
type quotaGate struct {
	q  Quota
	st *store.Store

	mu   sync.Mutex            // guards what is below
	logs map[digest.Hash]int64 // bytes of events, of logs of others that grew

	used, free int64     // bytes at the last look,
	since      int64     // and what was taken since, as it may lie on disk
	looked     time.Time // when that was
}

func newQuotaGate(q Quota, st *store.Store) *quotaGate {
	return &quotaGate{q: q, st: st, logs: map[digest.Hash]int64{}}
}

// admitLocal takes note of an append here, or says why it is refused.
func (g *quotaGate) admitLocal(bytes int) error {
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
func (p *Pipeline) Room(log digest.Hash, bytes int) error {
	return p.quota.admitPeer(log, bytes)
}

func (g *quotaGate) admitPeer(log digest.Hash, bytes int) error {
	if g.q == (Quota{}) {
		return nil
	}
	if l, err := g.st.Log(log); err == nil && l.Own {
		return g.admitLocal(bytes) // our own events come back
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	held, err := g.held(log)
	if err != nil {
		return err
	}
	n := int64(bytes)
	if err := over(boundLog, g.q.LogBytes, held+n); err != nil {
		return err
	}
	if err := g.disk(n); err != nil {
		return err
	}
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

// held returns how many bytes of events are here of a log. Events in its open
// page when it is first looked at are not counted.
func (g *quotaGate) held(id digest.Hash) (int64, error) {
	if n, ok := g.logs[id]; ok {
		return n, nil
	}
	l, err := g.st.Log(id)
	if errors.Is(err, store.ErrUnknownLog) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return int64(l.Whole().Pages)*int64(l.PageBytes) + g.st.RangeBytes(id), nil
}

// disk checks that n more bytes fit in the store and on the disk. It looks at
// the disk when what it knows is old, or says that they do not.
func (g *quotaGate) disk(n int64) error {
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

func (g *quotaGate) fits(n int64) error {
	n *= diskCopies
	if err := over(boundStore, g.q.StoreBytes, g.used+g.since+n); err != nil {
		return err
	}
	if left := g.free - g.since - n; g.q.FreeBytes > 0 && left < g.q.FreeBytes {
		return &QuotaError{Bound: boundFree, Limit: g.q.FreeBytes, Would: left}
	}
	return nil
}

func (g *quotaGate) look() error {
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
