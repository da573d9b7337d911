// SPDX-License-Identifier: MPL-2.0

// Package campaign sends a store frames of all kinds, true and spoiled, in
// order and out of it, and looks at what is left of it: the store whole, its
// memory bounded, nothing running. Start with Run.
package campaign

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Bounds that a campaign holds the victim to. About 9 MiB of the heap are small
// maps of the actor library, which fill once as sessions get new names.
const (
	MaxHeapGrowth = 64 << 20 // bytes, after a collection
	attackers     = 4
	settleTime    = 20 * time.Second // for the last goroutine to end
	samples       = 20               // looks at the heap during a campaign
)

// A Result says what a campaign came to.
type Result struct {
	Seed       uint64
	Frames     uint64                     // that the victim surely read
	Sessions   uint64                     // that it took
	Refusals   map[xaeroflux.Code]uint64  // by it, by reason
	HeapGrowth uint64                     // bytes, the most at any look
	Goroutines int                        // that were left
	Events     map[xaeroflux.LogID]uint64 // that it holds of each log
}

// Run sends a new store so many frames. The error says what it did wrong. The
// same seed makes the same frames; which of them come first is chance.
func Run(frames int, seed uint64) (Result, error) {
	r := Result{Seed: seed}
	dir, err := os.MkdirTemp("", "xaeroflux-campaign")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	before := runtime.NumGoroutine()
	if err := siege(filepath.Join(dir, "victim"), uint64(max(frames, 0)), &r); err != nil {
		return r, fmt.Errorf("campaign with seed %d: %w", seed, err)
	}
	for end := time.Now().Add(settleTime); ; time.Sleep(10 * time.Millisecond) {
		if r.Goroutines = max(runtime.NumGoroutine()-before, 0); r.Goroutines == 0 {
			break
		}
		if time.Now().After(end) {
			return r, fmt.Errorf("campaign with seed %d: %d goroutines are left", seed, r.Goroutines)
		}
	}
	return r, inspect(filepath.Join(dir, "victim"))
}

// inspect checks every byte of the store that is left.
func inspect(dir string) error {
	report, err := xaeroflux.Check(context.Background(), dir, nil)
	if err == nil && len(report.Findings) > 0 {
		err = fmt.Errorf("the store is damaged: %+v", report.Findings)
	}
	return err
}

// A campaign is a victim under siege.
type campaign struct {
	victim *xaeroflux.DB
	addr   xaeroflux.Address
	net    *transport.Memory
	corpus *corpus
	seed   uint64

	left     atomic.Int64 // frames to be sent
	frames   atomic.Uint64
	sessions atomic.Uint64
}

func siege(dir string, frames uint64, r *Result) (err error) {
	c := &campaign{net: transport.NewMemory(transport.MemoryOptions{Seed: r.Seed}), seed: r.Seed}
	if err := c.open(dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.victim.Close()) }()
	own := c.victim.Head()
	warm := min(frames/10, 1000)
	if err := c.send(warm, 0); err != nil {
		return err
	}
	base := heap()
	step := max((frames-warm)/samples, 1)
	for sent, round := warm, uint64(1); sent < frames; sent, round = sent+step, round+1 {
		if err := c.send(min(step, frames-sent), round); err != nil {
			return err
		}
		if now := heap(); now > base {
			r.HeapGrowth = max(r.HeapGrowth, now-base)
		}
	}
	r.Frames, r.Sessions, r.Refusals = c.frames.Load(), c.sessions.Load(), c.victim.Refusals()
	if r.HeapGrowth > MaxHeapGrowth {
		return fmt.Errorf("the heap grew by %d bytes, limit %d", r.HeapGrowth, MaxHeapGrowth)
	}
	if now := c.victim.Head(); now != own {
		return fmt.Errorf("the victim's own log has head %+v, had %+v", now, own)
	}
	if err := c.victim.ReadOnly(); err != nil {
		return err
	}
	r.Events, err = c.held()
	return errors.Join(err, c.honest(filepath.Join(filepath.Dir(dir), "honest")))
}

func (c *campaign) carrier(key ed25519.PrivateKey) (transport.Carrier, error) {
	return c.net.NodeOf(key), nil
}

func (c *campaign) open(dir string) (err error) {
	ctx := context.Background()
	o := &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: pageBytes, SegmentPages: 2, NewCarrier: c.carrier}
	if c.victim, err = xaeroflux.Open(dir, o); err != nil {
		return err
	}
	fail := func(err error) error { return errors.Join(err, c.victim.Close()) }
	for i := range 20 {
		if _, err := c.victim.Append(ctx, xaeroflux.Event{Payload: fmt.Appendf(nil, "event %d of the victim", i)}); err != nil {
			return fail(err)
		}
	}
	if c.addr, err = c.victim.Listen(ctx, "victim:0"); err != nil {
		return fail(err)
	}
	invite, err := c.victim.Invite(ctx, nil)
	if err != nil {
		return fail(err)
	}
	inv, err := identity.ParseInvite(invite)
	if err != nil {
		return fail(err)
	}
	if c.corpus, err = newCorpus(inv, digest.Hash(c.victim.Head().Log), rand.New(rand.NewPCG(c.seed, 0))); err != nil {
		return fail(err)
	}
	return nil
}

// send makes the attackers send so many frames in all.
func (c *campaign) send(frames, round uint64) error {
	c.left.Store(int64(frames))
	errs := make([]error, attackers)
	var wg sync.WaitGroup
	for i := range attackers {
		wg.Go(func() { errs[i] = c.attack(uint64(i), round) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// held checks that each log in the store is one that its author wrote, as far
// as it goes.
func (c *campaign) held() (map[xaeroflux.LogID]uint64, error) {
	topic, err := c.victim.Topic(xaeroflux.TopicID{})
	if err != nil {
		return nil, err
	}
	logs, err := topic.Logs()
	sizes := map[xaeroflux.LogID]uint64{}
	for _, l := range logs {
		root, size := l.Root()
		sizes[l.ID()] = size
		if l.ID() != c.victim.Head().Log && size > 0 && !c.corpus.wrote(digest.Hash(l.ID()), size, digest.Hash(root)) {
			err = errors.Join(err, fmt.Errorf("log %s has %d events under %s, which nobody wrote", l.ID(), size, root))
		}
	}
	return sizes, err
}

// honest syncs an honest peer with the victim, which must be as good as new.
func (c *campaign) honest(dir string) error {
	invite, err := c.victim.Invite(context.Background(), nil)
	if err != nil {
		return err
	}
	peer, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite, NewCarrier: c.carrier})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err = peer.Append(ctx, xaeroflux.Event{Payload: []byte("honest")}); err == nil {
		_, err = peer.Sync(ctx, c.addr.String())
	}
	if l, e := c.victim.Log(peer.Head().Log); e != nil || l.Size() != 1 {
		err = errors.Join(err, e, errors.New("the victim does not hold what an honest peer brought"))
	}
	if l, e := peer.Log(c.victim.Head().Log); e != nil || l.Head() != c.victim.Head() {
		err = errors.Join(err, e, errors.New("an honest peer does not hold what the victim has"))
	}
	return errors.Join(err, peer.Close())
}
