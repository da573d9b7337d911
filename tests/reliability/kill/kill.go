// SPDX-License-Identifier: MPL-2.0

// Package kill kills a node under load with kill -9, again and again. Whatever it
// acknowledged is kept outside, in the harness, which then checks the store.
package kill

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/child"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

// lives is how often one store is killed before the next is begun: checking it
// whole takes longer with each life.
const lives = 25

// Run kills cfg.Count times. Under Control the node acknowledges too early.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	var story *child.Story
	dir := filepath.Join(cfg.Dir, "store")
	acks := 0
	err := cfg.Each(ctx, r, func(at int) error {
		if story == nil || at%lives == 0 {
			if story != nil {
				acks += story.Acks
			}
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			story = &child.Story{Want: oracle.New(cfg.Seed+uint64(at/lives), child.Logs)}
		}
		if err := life(ctx, cfg, story, dir, at); err != nil {
			r.Fail(at, "%v", err)
			story = nil
		}
		return nil
	})
	if story != nil {
		acks += story.Acks
	}
	r.Note = fmt.Sprintf("%d acknowledgements kept outside", acks)
	return err
}

// life starts the node, kills it after some acknowledgements or while it opens
// the store, and checks what it left.
func life(ctx context.Context, cfg harness.Config, story *child.Story, dir string, at int) error {
	rnd := cfg.Rand(at)
	args := []string{"child-load", dir, strconv.FormatUint(story.Want.Seed(), 10)}
	if cfg.Control {
		args = append(args, "early")
	}
	cmd := exec.CommandContext(ctx, cfg.Self, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	kill := func() { cmd.Process.Kill() }
	after := rnd.IntN(60)
	delay := time.Duration(rnd.IntN(5000)) * time.Microsecond
	guard := time.AfterFunc(30*time.Second, kill)
	if rnd.IntN(10) == 0 {
		guard = time.AfterFunc(time.Duration(rnd.IntN(60))*time.Millisecond, kill) // while it opens
	}
	defer guard.Stop()
	heard := story.Hear(bufio.NewScanner(out), func(acks int) {
		if acks == after+1 {
			time.AfterFunc(delay, kill)
		}
	})
	err = cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if heard != nil {
		kill()
		return heard
	}
	if errs.Len() > 0 || err == nil {
		return fmt.Errorf("the node ended by itself: %v: %.500s", err, errs.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil && story.Acks == 0 {
		return nil // killed before there was a store
	}
	return story.Want.CheckDir(ctx, dir)
}
