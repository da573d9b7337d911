// SPDX-License-Identifier: MPL-2.0

// Package stages kills the stages of the pipeline and the sessions at the
// boundaries of their messages, on two nodes that sync under load, and wants the
// same bytes on both as the oracle has, and no append that hangs.
package stages

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	batches = 60

	maxKills        = 60 // of one stage in a round, on both nodes
	maxSessionKills = 6

	patience = 30 * time.Second // for two nodes to agree once nobody is killed any more
	tries    = 20               // of one round, for a replay
)

// Run kills at cfg.Count boundaries, in rounds; a failure names its round. Under
// Control the program was built so that a stage takes up nothing (-tags broken).
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir, remove, err := harness.MemoryDir(cfg.Dir)
	if err != nil {
		return err
	}
	defer remove()
	sum := map[string]int{}
	n := 0
	for ; more(cfg, r, n) && ctx.Err() == nil; n++ {
		round := n
		if cfg.At >= 0 {
			round = cfg.At
		}
		k := newKiller(cfg.Rand(round))
		err := one(ctx, cfg, round, filepath.Join(dir, fmt.Sprint(n)), k)
		k.mu.Lock()
		r.Count += k.kills
		for name, kills := range k.by {
			sum[name] += kills
		}
		if err != nil {
			r.Fail(round, "round %d, after %d kills: %v", round, k.kills, err)
		}
		k.mu.Unlock()
	}
	r.Note = fmt.Sprintf("in %d rounds; kills by actor: %v", n, sum)
	return ctx.Err()
}

// more reports whether another round is to be run.
func more(cfg harness.Config, r *harness.Result, n int) bool {
	if cfg.At >= 0 {
		return n < tries && r.Failed == 0
	}
	return r.Count < cfg.Count && (!cfg.Control || r.Failed == 0)
}

// A killer panics in some of the boundaries.
type killer struct {
	mu    sync.Mutex // guards all that follows
	rnd   *rand.Rand
	armed bool
	kills int
	by    map[string]int
}

func newKiller(rnd *rand.Rand) *killer { return &killer{rnd: rnd, armed: true, by: map[string]int{}} }

// strike is the actors' hook. A stage that replays passes many boundaries, so
// each has its share; sessions have a smaller one, because a new connection
// waits longer after each that failed.
func (k *killer) strike(name string, point int) {
	k.mu.Lock()
	most := maxKills
	if name == pipeline.SessionName {
		most = maxSessionKills
	}
	die := k.armed && k.by[name] < most && k.rnd.IntN(4) == 0
	if die {
		k.kills++
		k.by[name]++
	}
	k.mu.Unlock()
	if die {
		panic(fmt.Sprintf("killed %s at point %d", name, point))
	}
}

func (k *killer) disarm() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed = false
}

// one is a round: a appends, b is connected to it and appends too.
func one(ctx context.Context, cfg harness.Config, round int, dir string, k *killer) error {
	network := transport.NewMemory(transport.MemoryOptions{Seed: cfg.Seed + uint64(round)})
	quick := supervisor.Policy{Base: time.Microsecond, Cap: time.Microsecond, MaxRestarts: 1 << 30}
	var nodes [2]*rig.Rig
	for i := range nodes {
		sub := filepath.Join(dir, fmt.Sprint(i))
		o := rig.Options{Network: network, Strike: k.strike, Policy: quick, Seed: byte(i)}
		if cfg.Control {
			o.Wait = 2 * time.Second
		}
		if err := rig.Create(sub, o); err != nil {
			return err
		}
		var err error
		if nodes[i], err = rig.Open(sub, oracle.New(cfg.Seed+uint64(2*round+i), 1), o); err != nil {
			return err
		}
		defer nodes[i].Close()
	}
	addr, err := nodes[0].Node.Mesh().Listen(ctx, "a:1")
	if err != nil {
		return err
	}
	if err := nodes[1].Node.Mesh().KeepConnected(addr); err != nil {
		return err
	}
	if err := load(ctx, nodes, cfg.Seed+uint64(round)); err != nil {
		return err
	}
	k.disarm()
	if err := agree(ctx, nodes); err != nil {
		return err
	}
	return finish(ctx, nodes)
}

// load appends to both at once.
func load(ctx context.Context, nodes [2]*rig.Rig, seed uint64) error {
	errs := make(chan error, len(nodes))
	for i, node := range nodes {
		rnd := rand.New(rand.NewPCG(uint64(i), seed))
		go func() {
			for range batches {
				if err := node.Append(ctx, 0, 1+rnd.IntN(40)); err != nil {
					errs <- fmt.Errorf("node %d: %w", i, err)
					return
				}
				if rnd.IntN(4) > 0 { // and now and then nothing follows, from which a stage would find out what it lost
					continue
				}
				if err := caughtUp(ctx, node); err != nil {
					errs <- fmt.Errorf("node %d: %w", i, err)
					return
				}
			}
			errs <- nil
		}()
	}
	return errors.Join(<-errs, <-errs)
}

// caughtUp waits until the stages have come to all that is committed.
func caughtUp(ctx context.Context, node *rig.Rig) error {
	ctx, cancel := context.WithTimeout(ctx, node.Wait())
	defer cancel()
	for !node.Node.Pipeline().Idle() {
		select {
		case <-ctx.Done():
			return errors.New("a stage that was killed did not take up what it lost")
		case <-time.After(200 * time.Microsecond):
		}
	}
	return nil
}

// agree waits until each node holds the other's log.
func agree(ctx context.Context, nodes [2]*rig.Rig) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := errors.Join(holds(nodes[1], nodes[0]), holds(nodes[0], nodes[1]))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the nodes do not agree: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// holds compares what a has of b's log with what was appended to it.
func holds(a, b *rig.Rig) error {
	own, err := oracle.Find(b.Store, 0)
	if err != nil {
		return err
	}
	copied, err := a.Store.Log(own.ID)
	if err != nil {
		return err
	}
	size := b.Oracle().Acked(0)
	if p := copied.State(); p.Size != size {
		return fmt.Errorf("%d of %d events of log %s", p.Size, size, own.ID.Short())
	}
	root, err := b.Oracle().Root(0, size)
	if err != nil || copied.State().Root != root {
		return fmt.Errorf("root %s, want %s (%v)", copied.State().Root, root, err)
	}
	return b.Oracle().CheckEvents(a.Store, 0, copied, size)
}

// finish closes both and checks what is on disk.
func finish(ctx context.Context, nodes [2]*rig.Rig) error {
	var errs []error
	for i, node := range nodes {
		if err := node.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing node %d: %w", i, err))
			continue
		}
		errs = append(errs, node.Oracle().CheckDir(ctx, node.Store.Dir()))
	}
	return errors.Join(errs...)
}
