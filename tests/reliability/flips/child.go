// SPDX-License-Identifier: MPL-2.0

package flips

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
)

// Child flips the bytes of positions from..to and prints a line for each, so
// that the parent knows which one killed it.
func Child(ctx context.Context, dir string, seed uint64, from, to int) error {
	cfg := harness.Config{Seed: seed}
	pristine, work := filepath.Join(dir, "pristine"), filepath.Join(dir, "work")
	all, err := targets(pristine)
	if err != nil {
		return err
	}
	want, err := known(pristine, seed)
	if err != nil {
		return err
	}
	for at := from; at < to; at++ {
		if err := harness.CopyDir(pristine, work); err != nil {
			return err
		}
		rnd := cfg.Rand(at)
		t := all[at%len(all)] // each kind of file as often as another
		off, mask := rnd.IntN(t.bytes), byte(1)<<rnd.IntN(8)
		if t.rel == "aof/data.mdb" && rnd.IntN(3) == 0 {
			off = rnd.IntN(2)*4096 + rnd.IntN(152) // the meta pages, which have no checksum
			if rnd.IntN(3) == 0 {
				off = off&^4095 + 144 // and there the number of the transaction
			}
		}
		if rnd.IntN(4) == 0 {
			mask = byte(1 + rnd.IntN(255))
		}
		fmt.Printf("at %d %s %d\n", at, t.rel, off)
		if mapped(t.rel) && rnd.IntN(5) == 0 {
			if err := cutOpen(work, t.rel, off, want); err != nil {
				fmt.Printf("bad %d %s: cut at %d while open: %s\n", at, t.rel, off, oneLine(err))
			} else {
				fmt.Printf("ok %d %s cut\n", at, kindOf(t.rel))
			}
			continue
		}
		if err := flip(filepath.Join(work, t.rel), off, mask); err != nil {
			return err
		}
		verdict, err := judge(ctx, work, want)
		if err != nil {
			fmt.Printf("bad %d %s: byte %d ^ %#02x: %s\n", at, t.rel, off, mask, oneLine(err))
			continue
		}
		fmt.Printf("ok %d %s %s\n", at, kindOf(t.rel), verdict)
	}
	return nil
}

// known returns an oracle for which all that is in the store was acknowledged.
func known(dir string, seed uint64) (*oracle.Oracle, error) {
	work := dir + ".sizes"
	if err := harness.CopyDir(dir, work); err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	st, err := store.Open(work, store.Options{Look: true})
	if err != nil {
		return nil, err
	}
	want := oracle.New(seed, logs)
	for n := range logs {
		l, err := oracle.Find(st, n)
		if err != nil {
			return nil, errors.Join(err, st.Close())
		}
		want.Ack(n, l.State().Size)
	}
	return want, st.Close()
}

// judge looks at a store with a flipped byte. It is well if the damage is reported,
// with the place and what to do, or if it does no harm.
func judge(ctx context.Context, dir string, want *oracle.Oracle) (verdict string, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchdog)
	defer cancel()
	copied := dir + ".check"
	defer os.RemoveAll(copied)
	if err := harness.CopyDir(dir, copied); err != nil {
		return "", err
	}
	told, err := checkTells(ctx, copied)
	if err != nil {
		return "", err
	}
	st, err := store.Open(dir, store.Options{Place: rig.Place})
	if err != nil {
		if !typed(err) {
			return "", fmt.Errorf("opening gives an error of no kind: %w", err)
		}
		if !told {
			return "", fmt.Errorf("check finds nothing, but the store does not open: %w", err)
		}
		return "refused", nil
	}
	defer st.Close()
	return read(ctx, st, want, told)
}

// read wants of every event the bytes that were appended, or an error that tells.
func read(ctx context.Context, st *store.Store, want *oracle.Oracle, told bool) (string, error) {
	damaged := false
	for n := range logs {
		l, err := oracle.Find(st, n)
		if typed(err) {
			damaged = true
			continue
		}
		if err != nil {
			return "", fmt.Errorf("log %d: %w", n, err)
		}
		size := l.State().Size
		if acked := want.Acked(n); size != acked {
			return "", fmt.Errorf("log %d has %d events and no error, %d were acknowledged", n, size, acked)
		}
		err = want.CheckEvents(st, n, l, size)
		if typed(err) {
			damaged = true
		} else if err != nil {
			return "", fmt.Errorf("log %d: %w", n, err)
		}
	}
	if damaged && !told {
		return "", errors.New("check finds nothing, but events cannot be read")
	}
	if damaged {
		return "told", nil
	}
	if err := want.Check(ctx, st); err != nil {
		if told {
			return "told", nil // all events are right; the damage was reported
		}
		return "", fmt.Errorf("check of the closed store finds nothing, of the open one: %w", err)
	}
	if told {
		return "told", nil
	}
	return "harmless", nil // rebuilt, or in unused space
}

// checkTells runs the check of a store that is not open, and wants of each
// finding a place and a next step.
func checkTells(ctx context.Context, dir string) (told bool, err error) {
	report, err := xaeroflux.Check(ctx, dir, nil)
	if err != nil && !typed(err) {
		return false, fmt.Errorf("check fails: %w", err)
	}
	for _, f := range report.Findings {
		if f.Where == "" || f.What == "" || f.Do == "" {
			return true, fmt.Errorf("check finds something and does not tell where, what and what to do: %+v", f)
		}
	}
	return err != nil || len(report.Findings) > 0, nil
}

// typed reports whether an error says that bytes on disk are wrong.
func typed(err error) bool {
	return err != nil && (errors.Is(err, xaeroflux.ErrCorrupt) || errors.Is(err, xaeroflux.ErrFormat) ||
		errors.Is(err, identity.ErrSeedFile) || errors.Is(err, identity.ErrSeedVersion))
}

func oneLine(err error) string { return fmt.Sprintf("%.600q", err.Error()) }
