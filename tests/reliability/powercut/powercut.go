// SPDX-License-Identifier: MPL-2.0

// Package powercut cuts the power of a real file system: ext4 and xfs on a loop
// device are shut down by force while a node writes to them, as on a machine that
// stops, and mounted again. It needs root and Linux.
package powercut

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/child"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

// lives is how often the power is cut for one store.
const lives = 10

// Run cuts the power cfg.Count times, on each file system in turn. Under Control
// the program was built to sync nothing (-tags broken).
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	var disks []*disk
	var missing []string
	for _, kind := range []string{"ext4", "xfs"} {
		d, err := newDisk(ctx, cfg.Dir, kind)
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", kind, err))
			continue
		}
		disks = append(disks, d)
	}
	if len(disks) == 0 {
		r.Skipped = strings.Join(missing, "; ")
		return nil
	}
	err := cfg.Each(ctx, r, func(at int) error {
		d := disks[at%len(disks)]
		if err := d.cut(ctx, cfg, at); err != nil {
			r.Fail(at, "%s: %v", d.kind, err)
			return d.begin(ctx)
		}
		return nil
	})
	r.Note = noteOf(disks, missing)
	for _, d := range disks {
		err = errors.Join(err, d.unmount())
	}
	return err
}

func noteOf(disks []*disk, missing []string) string {
	var all []string
	for _, d := range disks {
		all = append(all, fmt.Sprintf("%d on %s with %d acknowledgements", d.cuts, d.kind, d.acks))
	}
	return strings.Join(append(all, missing...), ", ")
}

// A disk is a file system in a file.
type disk struct {
	kind, image, dir string
	story            *child.Story
	mounted          bool
	cuts, acks, left int
	seed             uint64
}

func newDisk(ctx context.Context, dir, kind string) (*disk, error) {
	if !canShutDown {
		return nil, errors.New("this system cannot shut a file system down")
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root, to mount a loop device")
	}
	d := &disk{kind: kind, image: filepath.Join(dir, kind+".img"), dir: filepath.Join(dir, kind)}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return nil, err
	}
	return d, d.begin(ctx)
}

// begin makes an empty file system.
func (d *disk) begin(ctx context.Context) error {
	if err := d.unmount(); err != nil {
		return err
	}
	d.left = 0
	f, err := os.Create(d.image)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(400<<20), f.Close()); err != nil {
		return err
	}
	force := map[string]string{"ext4": "-F", "xfs": "-f"}[d.kind]
	if err := command(ctx, "mkfs."+d.kind, "-q", force, d.image); err != nil {
		return err
	}
	return d.mount(ctx)
}

func (d *disk) mount(ctx context.Context) error {
	err := command(ctx, "mount", "-o", "loop", "-t", d.kind, d.image, d.dir)
	d.mounted = d.mounted || err == nil
	return err
}

func (d *disk) unmount() error {
	if !d.mounted {
		return nil
	}
	d.mounted = false
	return command(context.Background(), "umount", d.dir)
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// cut is one life: a node appends, the file system is shut down under it.
func (d *disk) cut(ctx context.Context, cfg harness.Config, at int) error {
	store := filepath.Join(d.dir, "store")
	if d.left == 0 {
		if err := os.RemoveAll(store); err != nil {
			return err
		}
		d.left, d.seed = lives, cfg.Seed+uint64(at)
		d.story = &child.Story{Want: oracle.New(d.seed, child.Logs)}
		if err := command(ctx, "sync", "-f", d.dir); err != nil { // the store before is gone for good
			return err
		}
	}
	d.left--
	before := d.story.Acks
	if err := d.life(ctx, cfg, at, store); err != nil {
		return err
	}
	d.cuts++
	d.acks += d.story.Acks - before
	if err := d.unmount(); err != nil {
		return err
	}
	if err := d.mount(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(store, "FORMAT")); err != nil && d.story.Acks == 0 {
		return nil // cut before there was a store
	}
	return d.story.Want.CheckDir(ctx, store)
}

func (d *disk) life(ctx context.Context, cfg harness.Config, at int, store string) error {
	rnd := cfg.Rand(at)
	cmd := exec.CommandContext(ctx, cfg.Self, "child-load", store, strconv.FormatUint(d.seed, 10))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	after, delay := rnd.IntN(80), time.Duration(rnd.IntN(20_000))*time.Microsecond
	if rnd.IntN(5) == 0 {
		delay += 600 * time.Millisecond // for the checkpointer
	}
	var once bool
	down := make(chan error, 1)
	pull := func() { down <- shutDown(d.dir) }
	guard := time.AfterFunc(20*time.Second, func() { cmd.Process.Signal(syscall.SIGQUIT) }) // it says where it stands
	defer guard.Stop()
	heard := d.story.Hear(bufio.NewScanner(out), func(acks int) {
		if acks > after && !once {
			once = true
			time.AfterFunc(delay, func() {
				pull()
				cmd.Process.Kill()
			})
		}
	})
	waited := cmd.Wait()
	if !once {
		return fmt.Errorf("the node ended before the power was cut, after %d acknowledgements: %v, %v\n%s", d.story.Acks, waited, heard, said.String())
	}
	return errors.Join(heard, <-down)
}
