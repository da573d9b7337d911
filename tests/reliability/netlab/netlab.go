// SPDX-License-Identifier: MPL-2.0

// Package netlab runs nodes as processes in network namespaces of their own, on
// a network that loses packets, kills them and cuts them off while they append,
// and looks whether all of them end with everything that was acknowledged.
package netlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

const (
	fewNodes, manyNodes = 5, 25
	manyFrom            = 600 // seconds, from which there are many nodes
	pause               = 150 * time.Millisecond
	lines               = 20 // in one append
	reunion             = 90 * time.Second
	controlReunion      = 5 * time.Second
)

// A lab is nodes on a lan.
type lab struct {
	cfg   harness.Config
	r     *harness.Result
	rnd   *rand.Rand
	net   *lan
	nodes []*node
	begin time.Time
	logs  map[string]*node // by the log that the node appends to

	kills, cuts int
}

// Run runs nodes for cfg.Count seconds: 5 of them, or 25 from 600 seconds on.
// Under Control one of them loses what it acknowledged, and another is not
// plugged in again.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) (err error) {
	if r.Skipped = why(); r.Skipped != "" {
		return nil
	}
	count := fewNodes
	if cfg.Count >= manyFrom {
		count = manyNodes
	}
	l := &lab{cfg: cfg, r: r, rnd: rand.New(rand.NewPCG(cfg.Seed, 1)), begin: time.Now(), logs: map[string]*node{}}
	l.net, err = newLAN(count)
	defer func() { err = errors.Join(err, l.net.close()) }()
	if err != nil {
		return err
	}
	defer func() {
		for _, n := range l.nodes {
			if n.cmd != nil {
				n.kill()
			}
		}
	}()
	if err := l.found(ctx); err != nil {
		return err
	}
	if err := l.live(ctx); err != nil {
		return err
	}
	together := l.reunite(ctx)
	for _, n := range l.nodes {
		if err := n.stop(); err != nil {
			r.Fail(-1, "%v", err)
		}
	}
	acked := l.judge(ctx)
	r.Count = cfg.Count
	loss := fmt.Sprintf("%d %% loss", lossPercent)
	if !l.net.lossy {
		loss = "no loss, as there is no nft here"
	}
	r.Note = fmt.Sprintf("seconds; %d nodes, %s; %d killed, %d cut off; %d lines acknowledged; together again after %.1f s",
		count, loss, l.kills, l.cuts, acked, together.Seconds())
	return ctx.Err()
}

// say tells what is done when, so that a failure can be understood.
func (l *lab) say(format string, args ...any) {
	l.cfg.Logf("%6.2f s  %s", time.Since(l.begin).Seconds(), fmt.Sprintf(format, args...))
}

// found makes the stores, each of which knows one that was there before, and
// starts their nodes.
func (l *lab) found(ctx context.Context) error {
	var invite string
	for i := range l.net.nodes {
		dir := filepath.Join(l.cfg.Dir, fmt.Sprintf("node-%d", i))
		n := &node{self: l.cfg.Self, ns: l.net.node(i), dir: dir, listen: l.net.place(i), log: dir + ".log"}
		make := []string{"init", "--name", "netlab", "--json"}
		if i > 0 {
			make = []string{"join", invite, "--json"}
			n.peers = []string{l.nodes[l.rnd.IntN(i)].address}
		}
		out, err := n.xaeroflux(ctx, nil, make...)
		if err != nil {
			return err
		}
		var info struct{ Log, Invite string }
		if err := json.Unmarshal(out, &info); err != nil {
			return err
		}
		if i == 0 {
			invite = info.Invite
		}
		if err := n.start(); err != nil {
			return err
		}
		l.logs[info.Log] = n
		l.nodes = append(l.nodes, n)
	}
	return nil
}

// live lets every node append while some are killed and cut off.
func (l *lab) live(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.cfg.Count)*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, n := range l.nodes {
		wg.Go(func() {
			for ctx.Err() == nil {
				n.append(context.WithoutCancel(ctx), lines)
				time.Sleep(pause)
			}
		})
	}
	defer wg.Wait()
	if l.cfg.Control {
		return l.forget(ctx)
	}
	for sleep(ctx, l.between(300, 1500)) {
		i := l.rnd.IntN(len(l.nodes))
		if err := l.hurt(ctx, i, l.rnd.IntN(3)); err != nil {
			return err
		}
	}
	return nil
}

// hurt does something to one node.
func (l *lab) hurt(ctx context.Context, i, how int) error {
	n := l.nodes[i]
	if how == 0 {
		l.kills++
		l.say("node %d is killed", i)
		n.kill()
		sleep(ctx, l.between(0, 1500))
		return n.start()
	}
	long := l.between(100, 500)
	if how == 1 {
		long = l.between(1000, 4000)
	}
	l.cuts++
	l.say("node %d is cut off for %s", i, long)
	if err := l.net.link(i, false); err != nil {
		return err
	}
	sleep(ctx, long)
	return l.net.link(i, true)
}

// forget is the control: a node that is cut off appends, and is then put back to
// what it was; another one is cut off for good.
func (l *lab) forget(ctx context.Context) error {
	sleep(ctx, time.Second)
	n, copied := l.nodes[1], l.nodes[1].dir+".copy"
	if err := errors.Join(l.net.link(1, false), l.net.link(2, false)); err != nil {
		return err
	}
	n.kill()
	if err := os.Remove(filepath.Join(n.dir, "node.sock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := errors.Join(harness.CopyDir(n.dir, copied), n.start()); err != nil {
		return err
	}
	n.append(ctx, lines)
	n.kill()
	if err := errors.Join(os.RemoveAll(n.dir), os.Rename(copied, n.dir), n.start()); err != nil {
		return err
	}
	return l.net.link(1, true)
}

// reunite waits until all nodes hold the same, and returns how long that took.
func (l *lab) reunite(ctx context.Context) time.Duration {
	begin, bound := time.Now(), reunion
	if l.cfg.Control {
		bound = controlReunion
	}
	l.say("nothing is hurt any more")
	for {
		apart := l.apart(ctx)
		if apart == "" || ctx.Err() != nil {
			l.say("all hold the same")
			return time.Since(begin)
		}
		if time.Since(begin) > bound {
			l.r.Fail(-1, "not the same everywhere %s after everything was whole again: %s", bound, apart)
			return time.Since(begin)
		}
		sleep(ctx, 50*time.Millisecond)
	}
}

// apart says in what two nodes differ, or nothing.
func (l *lab) apart(ctx context.Context) string {
	var first map[string]head
	for i, n := range l.nodes {
		heads, err := n.heads(ctx)
		if err != nil {
			return err.Error()
		}
		if i == 0 {
			first = heads
		}
		for log := range l.logs {
			if heads[log] != first[log] {
				return fmt.Sprintf("log %.8s has %d events at node 0 and %d at node %d", log, first[log].Size, heads[log].Size, i)
			}
		}
	}
	return ""
}

func (l *lab) between(from, to int) time.Duration {
	return time.Duration(from+l.rnd.IntN(to-from)) * time.Millisecond
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
