// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults that can happen to a node.
const (
	killed      = iota // and started again
	cutOff             // for long enough to lose its sessions
	flapped            // cut off for a moment
	killedAlone        // while it is cut off, started again, and then plugged in
	kinds
)

// live lets every node append while some are hurt, two or more at a time.
func (l *lab) live(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.cfg.Count)*time.Second)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, n := range l.nodes {
		wg.Go(func() { n.load(ctx, l.pause()) })
	}
	hurters := max(2, len(l.nodes)/5)
	ended := make(chan error, hurters)
	for first := range hurters {
		go func() { ended <- l.hurtSome(ctx, first, hurters) }()
	}
	var errs []error
	for range hurters {
		err := <-ended
		if errs = append(errs, err); err != nil {
			cancel()
		}
	}
	return errors.Join(errs...)
}

// hurtSome hurts each of the nodes first, first+step, … that nobody else hurts.
// The first two that do so begin with different kinds, so that each run has both.
func (l *lab) hurtSome(ctx context.Context, first, step int) error {
	rnd := rand.New(rand.NewPCG(l.cfg.Seed, uint64(2+first)))
	mine := (len(l.nodes) - first + step - 1) / step
	for how := first % 2; sleep(ctx, between(rnd, 300, 1500)); how = rnd.IntN(kinds) {
		if err := l.hurt(ctx, rnd, first+step*rnd.IntN(mine), how); err != nil {
			return err
		}
	}
	return nil
}

// hurt does something to one node.
func (l *lab) hurt(ctx context.Context, rnd *rand.Rand, i, how int) error {
	long := between(rnd, 1000, 4000)
	switch how {
	case killed:
		return l.restart(ctx, rnd, i)
	case flapped:
		long = between(rnd, 100, 500)
	}
	l.cuts.Add(1)
	l.say("node %d is cut off for %s", i, long)
	if err := l.net.link(i, false); err != nil {
		return err
	}
	var err error
	if sleep(ctx, long) && how == killedAlone {
		err = l.restart(ctx, rnd, i)
		sleep(ctx, between(rnd, 0, 500))
	}
	return errors.Join(err, l.net.link(i, true))
}

// restart kills a node and starts it again.
func (l *lab) restart(ctx context.Context, rnd *rand.Rand, i int) error {
	l.kills.Add(1)
	l.say("node %d is killed", i)
	l.nodes[i].kill()
	sleep(ctx, between(rnd, 0, 1500))
	err := l.nodes[i].start()
	l.say("node %d is started again", i)
	return err
}

func between(rnd *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+rnd.IntN(to-from)) * time.Millisecond
}
