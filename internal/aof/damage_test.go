// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestDamage flips bytes and cuts the file in a child process, which must
// survive all of it: each time Open or a read says *CorruptError, or the data is
// right.
func TestDamage(t *testing.T) {
	seed := rand.Uint64()
	for _, line := range runChild(t, "damage", strconv.FormatUint(seed, 10)) {
		if testing.Verbose() && line[0] == '=' {
			t.Log(line)
		}
	}
	t.Logf("seed %d", seed)
}

type damageRun struct {
	dir    string
	golden []byte
	model  *naive
	events map[uint32][]byte // by log number: all its records, back to back
	row    LogRow
	record []byte
	rng    *rand.Rand
	opened int // times that the damage went unnoticed by Open
	noted  int // of these, times that a read noticed it
}

// damageAll is the child.
func damageAll(arg string) error {
	seed, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "aof-damage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &damageRun{dir: dir, rng: rand.New(rand.NewPCG(seed, 3))}
	if err := d.build(); err != nil {
		return err
	}
	for _, step := range []func() error{d.flips, d.metaFlips, d.cuts, d.locks} {
		d.opened, d.noted = 0, 0
		if err := step(); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		fmt.Printf("== %d bytes: Open accepted %d, of which reads refused %d\n", len(d.golden), d.opened, d.noted)
	}
	return nil
}

// build makes a store with deep trees, overflow runs and a free list.
func (d *damageRun) build() error {
	s, err := Open(d.dir, Options{MapBytes: minMapBytes})
	if err != nil {
		return err
	}
	d.model = newNaive()
	for range 12 {
		seed := d.rng.Uint64()
		var next *naive
		err := s.Commit(func(t *Txn) error {
			next = d.model.clone()
			rng := rand.New(rand.NewPCG(seed, 1))
			for range 30 {
				if err := next.putLog(t, rng); err != nil {
					return err
				}
			}
			return next.randomOps(t, rng)
		})
		if err != nil {
			return err
		}
		d.model = next
	}
	if err := s.Close(); err != nil {
		return err
	}
	d.flatten()
	d.golden, err = os.ReadFile(filepath.Join(d.dir, dataFile))
	return err
}

// flatten makes what each try compares with and writes.
func (d *damageRun) flatten() {
	d.events = map[uint32][]byte{}
	for num, end := range d.model.end {
		for seq := d.model.low[num]; seq < end; seq++ {
			d.events[num] = append(d.events[num], d.model.events[num][seq]...)
		}
	}
	for _, d.row = range d.model.logs {
		break
	}
	d.record = randomRecords(d.rng, 1, 60000)[0]
}

// try writes the file and opens, reads and writes the store.
func (d *damageRun) try(file []byte, what string) error {
	fmt.Println(what)
	if err := os.WriteFile(filepath.Join(d.dir, dataFile), file, 0o600); err != nil {
		return err
	}
	s, err := Open(d.dir, Options{MapBytes: minMapBytes})
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	d.opened++
	return errors.Join(d.use(s, what), s.Close())
}

func (d *damageRun) use(s *Store, what string) error {
	checks := []func(*View) error{d.model.diffLogs}
	for b := Topics; b.valid(); b++ {
		checks = append(checks, func(v *View) error { return d.model.diffSmall(v, b) })
	}
	for num := range d.events {
		checks = append(checks, func(v *View) error { return d.diffEvents(v, num) })
	}
	noted := false
	for _, check := range checks {
		if err := s.View(check); errors.Is(err, ErrCorrupt) {
			noted = true
		} else if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if noted {
		d.noted++
	}
	for range 2 { // the second takes the pages that the first one freed
		if err := s.Commit(d.write); err != nil && !errors.Is(err, ErrCorrupt) {
			return fmt.Errorf("%s: then writing: %w", what, err)
		}
	}
	return nil
}

func (d *damageRun) diffEvents(v *View, num uint32) error {
	want := d.events[num]
	err := v.Events(num, d.model.low[num], d.model.end[num], func(_ uint64, _ int, records []byte) error {
		if !bytes.HasPrefix(want, records) {
			return fmt.Errorf("events of log %d differ", num)
		}
		want = want[len(records):]
		return nil
	})
	if err == nil && len(want) > 0 {
		return fmt.Errorf("log %d: %d bytes of events missing", num, len(want))
	}
	return err
}

// write walks the free list, rebalances the trees and splits their pages.
func (d *damageRun) write(t *Txn) error {
	row := d.row
	if err := t.PutLog(&row); err != nil {
		return err
	}
	for num := range d.events {
		if err := t.TrimEvents(num, 1<<40); err != nil {
			return err
		}
		if err := t.AppendEvents(num, d.model.end[num], d.record, 1); err != nil {
			return err
		}
		if err := t.DropEventsFrom(num, d.model.end[num]); err != nil {
			return err
		}
	}
	for i := range 100 {
		if err := t.Delete(Topics, fmt.Appendf(nil, "k%d", i)); err != nil {
			return err
		}
		if err := t.Put(Peers, fmt.Appendf(nil, "k%d", i), make([]byte, i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *damageRun) flips() error {
	for range 300 {
		file := append([]byte(nil), d.golden...)
		off, bits := d.rng.IntN(len(file)), byte(1+d.rng.IntN(255))
		file[off] ^= bits
		if err := d.try(file, fmt.Sprintf("flip %d ^ %#x", off, bits)); err != nil {
			return err
		}
	}
	return nil
}

// metaFlips flips each byte of both meta pages and of each page's header.
func (d *damageRun) metaFlips() error {
	psize := os.Getpagesize()
	var offs []int
	for i := range 2 * (pageHeader + metaBytes) {
		offs = append(offs, i%2*psize+i/2)
	}
	for page := 2; page < len(d.golden)/psize; page++ {
		offs = append(offs, page*psize+d.rng.IntN(pageHeader+8), page*psize+8+d.rng.IntN(8))
	}
	for i := range 2 { // a commit taken back: two meta pages that look well
		file := append([]byte(nil), d.golden...)
		file[i*psize+pageHeader+128] ^= 2
		if err := d.try(file, fmt.Sprintf("transaction of meta page %d ^ 2", i)); err != nil {
			return err
		}
	}
	for _, off := range offs {
		file := append([]byte(nil), d.golden...)
		file[off] ^= 1 << d.rng.IntN(8)
		if parsesAsBefore(file) && d.rng.IntN(8) > 0 { // most of these bytes mean nothing to LMDB
			continue
		}
		if err := d.try(file, fmt.Sprintf("flip in header %d", off)); err != nil {
			return err
		}
	}
	return nil
}

func parsesAsBefore(file []byte) bool {
	_, err0 := parseMeta(0, file)
	_, err1 := parseMeta(1, file[os.Getpagesize():])
	return err0 == nil && err1 == nil
}

func (d *damageRun) cuts() error {
	psize := os.Getpagesize()
	for size := 0; size < len(d.golden); size += psize * (1 + d.rng.IntN(3)) {
		for _, n := range []int{size, size + d.rng.IntN(psize)} {
			if err := d.try(d.golden[:min(n, len(d.golden))], fmt.Sprintf("cut to %d", n)); err != nil {
				return err
			}
		}
	}
	return d.try(d.golden, "whole")
}

// locks damages LMDB's lock file, which holds nothing that lasts.
func (d *damageRun) locks() error {
	path := filepath.Join(d.dir, "lock.mdb")
	lock, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := range 30 {
		bad := append([]byte(nil), lock...)
		switch {
		case i < 3:
			bad = bad[:i*len(bad)/3]
		case i == 3:
			if err := os.Remove(path); err != nil {
				return err
			}
		default:
			bad[d.rng.IntN(min(256, len(bad)))] ^= byte(1 + d.rng.IntN(255))
		}
		if i != 3 {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				return err
			}
		}
		if err := d.try(d.golden, fmt.Sprintf("lock file %d", i)); err != nil {
			return err
		}
	}
	if d.opened != 30 {
		return fmt.Errorf("a damaged lock file kept %d of 30 opens out", 30-d.opened)
	}
	return nil
}

func TestForeignFiles(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":  {},
		"short":  []byte("no"),
		"zeros":  make([]byte, 1<<16),
		"text":   []byte(fmt.Sprintf("%070000d", 7)),
		"sqlite": append([]byte("SQLite format 3\x00"), make([]byte, 8192)...),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, dataFile), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, dataFile)); string(got) != string(content) {
			t.Errorf("%s: Open changed the file", name)
		}
	}
	if err := Check(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}
