// SPDX-License-Identifier: MPL-2.0

// Package soak lets a node run for long under a steady load, with readers, and
// looks whether anything grows that should not: memory, descriptors, goroutines.
package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

const (
	samples = 48
	batch   = 48
	pause   = 100 * time.Millisecond // between batches: the disk is to last for hours
)

// Run runs a node for cfg.Count seconds. Under Control something leaks.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir := filepath.Join(cfg.Dir, "store")
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Invite: oracle.Topic(0).Invite(), PageBytes: 4096,
		Now: func() time.Time { return time.UnixMilli(oracle.Epoch) },
	})
	if err != nil {
		return err
	}
	s := &soak{db: db, want: oracle.New(cfg.Seed, 1), control: cfg.Control}
	defer s.plug()
	err = s.run(ctx, time.Duration(cfg.Count)*time.Second)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	r.Count = int(s.took.Seconds())
	s.judge(r)
	if err := s.want.CheckDir(ctx, dir); err != nil {
		r.Fail(-1, "%v", err)
	}
	return nil
}

// A soak is a node under load.
type soak struct {
	db      *xaeroflux.DB
	want    *oracle.Oracle
	control bool
	leaked  []func()
	hoard   [][]byte

	took    time.Duration
	bytes   uint64 // of payloads
	written uint64 // by this process, to the disk
	series  []sample
}

// A sample is what is in use at one time.
type sample struct {
	heap       uint64
	goroutines int
	files      int
}

func (s *soak) run(ctx context.Context, length time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() { read <- s.subscribe(ctx) }()
	before, begin := writtenBytes(), time.Now()
	err := s.load(ctx, begin, length)
	s.took, s.written = time.Since(begin), writtenBytes()-before
	cancel()
	return errors.Join(err, <-read)
}

func (s *soak) load(ctx context.Context, begin time.Time, length time.Duration) error {
	for time.Since(begin) < length && ctx.Err() == nil {
		from := s.want.Acked(0)
		events := oracle.Events(s.want.Seed(), 0, from, batch)
		s.want.Issue(0, from+batch)
		if _, err := s.db.AppendBatch(ctx, oracle.ForAPI(events)); err != nil {
			return err
		}
		s.want.Ack(0, from+batch)
		for _, e := range events {
			s.bytes += uint64(len(e.Payload))
		}
		if err := s.look(ctx, from); err != nil {
			return err
		}
		if time.Since(begin) > length*time.Duration(len(s.series))/samples {
			s.sample()
		}
		time.Sleep(pause)
	}
	return ctx.Err()
}

// look reads and proves an event, as an application would.
func (s *soak) look(ctx context.Context, seq uint64) error {
	head := s.db.Head()
	rec, err := s.db.Get(ctx, seq/2)
	if err != nil {
		return err
	}
	p, err := s.db.Prove(ctx, seq/2, head.Size)
	if err != nil {
		return err
	}
	return xaeroflux.Verify(rec, p, head)
}

// subscribe follows the log and wants each event once and in order.
func (s *soak) subscribe(ctx context.Context) error {
	next := uint64(0)
	for rec, err := range s.db.Subscribe(ctx, xaeroflux.Query{}) {
		if err != nil {
			return err
		}
		if rec.Seq != next {
			return fmt.Errorf("the subscriber got event %d after %d", rec.Seq, next)
		}
		next++
	}
	return nil
}

func (s *soak) sample() {
	if s.control {
		s.leak()
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	s.series = append(s.series, sample{m.HeapAlloc - s.want.Bytes(), runtime.NumGoroutine(), len(files)})
}

// leak is the control: a goroutine, a file and a MiB at every sample.
func (s *soak) leak() {
	stop := make(chan struct{})
	go func() { <-stop }()
	f, err := os.Open(os.DevNull)
	s.hoard = append(s.hoard, make([]byte, 1<<20))
	s.leaked = append(s.leaked, func() {
		close(stop)
		if err == nil {
			f.Close()
		}
	})
}

func (s *soak) plug() {
	for _, stop := range s.leaked {
		stop()
	}
}

// judge compares the second quarter of the samples with the last.
func (s *soak) judge(r *harness.Result) {
	n := len(s.series) / 4
	if n == 0 {
		r.Fail(-1, "only %d samples", len(s.series))
		return
	}
	early, late := s.series[n:2*n], s.series[len(s.series)-n:]
	heap := func(x sample) int { return int(x.heap >> 10) }
	grew := func(what string, of func(sample) int, allowed int) (int, int) {
		a, b := median(early, of), median(late, of)
		if b-a > allowed {
			r.Fail(-1, "%s grew from %d to %d", what, a, b)
		}
		return a, b
	}
	h0, h1 := grew("the heap, in KiB,", heap, median(early, heap)/4+2048)
	g0, g1 := grew("the number of goroutines", func(x sample) int { return x.goroutines }, 8)
	f0, f1 := grew("the number of open files", func(x sample) int { return x.files }, 8)
	r.Note = fmt.Sprintf("seconds; %d events; heap %d to %d KiB, goroutines %d to %d, files %d to %d; %.1f bytes written for each of payload",
		s.want.Acked(0), h0, h1, g0, g1, f0, f1, float64(s.written)/float64(max(1, s.bytes)))
}

func median(of []sample, f func(sample) int) int {
	var all []int
	for _, x := range of {
		all = append(all, f(x))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// writtenBytes is what this process gave to the disk, if the system tells.
func writtenBytes() (n uint64) {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(b), "\n") {
		if _, err := fmt.Sscanf(line, "write_bytes: %d", &n); err == nil {
			return n
		}
	}
	return 0
}
