// SPDX-License-Identifier: MPL-2.0

package flips

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
)

const logs = 3

// makeStore makes the store whose bytes are flipped: sealed pages in several
// segments, large events, a tail in the AOF, and a log that never filled a page.
// It is left as a kill leaves it, so that the last commit is of events.
func makeStore(ctx context.Context, dir string, want *oracle.Oracle) error {
	made := dir + ".made"
	if err := rig.Create(made, rig.Options{}); err != nil {
		return err
	}
	for life := range 2 {
		node, err := rig.Open(made, want, rig.Options{})
		if err != nil {
			return err
		}
		if err = load(ctx, node); err == nil && life == 1 {
			err = harness.CopyDir(made, dir)
		}
		if err := errors.Join(err, node.Close()); err != nil {
			return err
		}
	}
	return nil
}

func load(ctx context.Context, node *rig.Rig) error {
	for i := range 12 {
		for n, count := range []int{20, 9, 1} {
			if n == 2 && i > 3 {
				continue
			}
			if err := node.Append(ctx, n, count); err != nil {
				return err
			}
		}
	}
	return nil
}

// A target is a file, and how likely it is chosen.
type target struct {
	rel   string
	bytes int
}

// targets lists the files of a store, the lock files apart, which hold nothing.
func targets(dir string) (all []target, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock.mdb" || d.Name() == "LOCK" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all = append(all, target{rel, int(info.Size())})
		return err
	})
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.rel, b.rel) })
	return all, err
}

// kindOf is the kind of a file, for the figures: its extension or its folder.
func kindOf(rel string) string {
	switch {
	case strings.HasPrefix(rel, "mmr"):
		return "mmr"
	case filepath.Ext(rel) != "" && filepath.Base(rel) != "identity.key":
		return strings.TrimPrefix(filepath.Ext(rel), ".")
	}
	return filepath.Base(rel)
}

// watchdog is how long one position may take.
const watchdog = 30 * time.Second

func flip(path string, off int, mask byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(off)); err != nil {
		return errors.Join(err, f.Close())
	}
	b[0] ^= mask
	_, err = f.WriteAt(b[:], int64(off))
	return errors.Join(err, f.Close())
}
