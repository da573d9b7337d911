// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// A control is something that must be seen, and how the failure reads by which
// it is. None but that counts: another check would hide that this one is blind.
type control struct {
	name string
	do   func(*lab, context.Context) error
	want string
}

var controls = []control{
	{"forget", (*lab).forget, notThere},
	{"leave", (*lab).leave, notTheSame},
}

// controlReunion is how long the nodes of a control have to agree: the one that
// forgets does not keep them from it.
const controlReunion = 5 * time.Second

// runControls runs a lab for each control. A position is a control.
func runControls(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	for at, c := range controls {
		own := cfg
		own.Dir = filepath.Join(cfg.Dir, c.name)
		if err := os.Mkdir(own.Dir, 0o700); err != nil {
			return err
		}
		var seen harness.Result
		if err := runLab(ctx, own, &seen, c.do, controlReunion); err != nil {
			return err
		}
		for _, f := range seen.Failures {
			cfg.Logf("control %s: %s", c.name, f.What)
			if strings.Contains(f.What, c.want) {
				r.Fail(at, "%s: %s", c.name, f.What)
				break
			}
		}
		r.Count++
	}
	return ctx.Err()
}

// forget cuts a node off, which appends, and puts its store back to what it was
// before. Its log is whole and the same everywhere then, and too short.
func (l *lab) forget(ctx context.Context) error {
	l.load(ctx, len(l.nodes))
	n, copied := l.nodes[1], l.nodes[1].dir+".copy"
	if err := l.net.link(1, false); err != nil {
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
	l.say("node 1 forgets %d lines", lines)
	n.kill()
	if err := errors.Join(os.RemoveAll(n.dir), os.Rename(copied, n.dir), n.start()); err != nil {
		return err
	}
	return l.net.link(1, true)
}

// leave cuts a node off for good before the others append.
func (l *lab) leave(ctx context.Context) error {
	if err := l.net.link(2, false); err != nil {
		return err
	}
	l.say("node 2 is cut off for good")
	l.load(ctx, 2) // not node 2: it holds all that itself acknowledged
	return nil
}

// load lets the first nodes append for some of cfg.Count seconds.
func (l *lab) load(ctx context.Context, first int) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.cfg.Count)*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, n := range l.nodes[:first] {
		wg.Go(func() { n.load(ctx, l.pause()) })
	}
	wg.Wait()
}
