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
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

const (
	fewNodes, manyNodes = 5, 25
	manyFrom            = 600                    // seconds, from which there are many nodes
	fewPause            = 150 * time.Millisecond // between appends of a node
	lines               = 20                     // in one append
	reunion             = 90 * time.Second

	// How failures begin that a control must cause.
	notTheSame = "not the same everywhere"
	notThere   = "acknowledged and is not there"
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

	kills, cuts atomic.Int64

	mu   sync.Mutex // guards told
	told []string   // the time line
}

// Run runs nodes for cfg.Count seconds: 5 of them, or 25 from 600 seconds on.
// Under Control it runs them once for each control.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	if r.Skipped = why(); r.Skipped != "" {
		return nil
	}
	if cfg.Control {
		return runControls(ctx, cfg, r)
	}
	return runLab(ctx, cfg, r, (*lab).live, reunion)
}

// runLab makes a lab, lets live happen in it, and judges what is left.
func runLab(ctx context.Context, cfg harness.Config, r *harness.Result, live func(*lab, context.Context) error, bound time.Duration) (err error) {
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
			n.kill()
		}
		err = l.keepIf(err)
	}()
	if err := l.found(ctx); err != nil {
		return err
	}
	if err := live(l, ctx); err != nil {
		return err
	}
	together := l.reunite(ctx, bound)
	files := l.countFiles()
	lost, err := l.net.lost()
	if err != nil {
		return err
	}
	for _, n := range l.nodes {
		if err := n.stop(); err != nil {
			r.Fail(-1, "%v", err)
		}
	}
	acked := l.judge(ctx)
	r.Count = cfg.Count
	r.Note = fmt.Sprintf("seconds; %d nodes, %s; %d killed, %d cut off; %d lines acknowledged; together again after %.1f s; at most %d files open",
		count, lost, l.kills.Load(), l.cuts.Load(), acked, together.Seconds(), files)
	return ctx.Err()
}

// found makes the stores, each of which knows one or two that were there before,
// and starts their nodes.
func (l *lab) found(ctx context.Context) error {
	var invite string
	for i := range l.net.nodes {
		dir := filepath.Join(l.cfg.Dir, fmt.Sprintf("node-%d", i))
		n := &node{self: l.cfg.Self, ns: l.net.node(i), dir: dir, listen: l.net.place(i), log: dir + ".log"}
		make := []string{"init", "--open", "--name", "netlab", "--json"}
		if i > 0 {
			make = []string{"join", invite, "--json"}
			n.peers = l.acquaintances(i)
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

// acquaintances returns the addresses of one or two of the first i nodes.
func (l *lab) acquaintances(i int) (addresses []string) {
	order := l.rnd.Perm(i)
	for _, j := range order[:min(i, 1+l.rnd.IntN(2))] {
		addresses = append(addresses, l.nodes[j].address)
	}
	return addresses
}

// pause is how long a node appends nothing after it did. One machine runs all
// nodes, and each commits what any of them appended: with many nodes it is
// longer by the square of their number.
func (l *lab) pause() time.Duration {
	n := len(l.nodes)
	return fewPause * time.Duration(n*n) / (fewNodes * fewNodes)
}

// reunite waits until all nodes hold the same, and returns how long that took.
func (l *lab) reunite(ctx context.Context, bound time.Duration) time.Duration {
	begin := time.Now()
	l.say("nothing is hurt any more")
	for {
		apart := l.apart(ctx)
		if ctx.Err() != nil {
			return time.Since(begin)
		}
		if apart == "" {
			l.say("all hold the same")
			return time.Since(begin)
		}
		if time.Since(begin) > bound {
			l.r.Fail(-1, "%s %s after everything was whole again: %s", notTheSame, bound, apart)
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

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
