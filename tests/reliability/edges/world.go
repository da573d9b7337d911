// SPDX-License-Identifier: MPL-2.0

// Package edges hurts a store from outside, as people and machines do: files of
// different ages, names that move, second openers, limits of the process, copies.
// One oracle judges all of it: what was acknowledged is there, or is said to be
// missing; no healthy byte is removed; no log forks; nobody is blamed for what
// another did.
//
// Rule: a harness here uses a store as an application does, through the public
// API and the command; of its files it knows the names only.
package edges

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/transport"
)

// pageBytes and segmentPages are small, so that few events make many files.
const (
	pageBytes    = 4096
	segmentPages = 2
)

// patience is how long one call may take before it counts as hanging.
const patience = 30 * time.Second

// A world is stores on one network in memory, and what each acknowledged.
type world struct {
	net    *transport.Memory
	invite string
	opened int
	acked  []string // texts of all events that were acknowledged, in order
}

func newWorld() *world { return &world{net: transport.NewMemory(transport.MemoryOptions{})} }

func (w *world) options(place string) *xaeroflux.Options {
	return &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Invite: w.invite, Place: place, PageBytes: pageBytes, SegmentPages: segmentPages, MapBytes: 1 << 20, CloseTimeout: patience,
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return w.net.NodeOf(key), nil },
	}
}

// create opens a new store in dir; the first founds the topic of all.
func (w *world) create(dir, place string) (*xaeroflux.DB, error) {
	db, err := xaeroflux.Open(dir, w.options(place))
	if err == nil && w.invite == "" {
		w.invite, err = db.Invite(context.Background(), nil)
	}
	return db, err
}

// open opens a store that is there.
func (w *world) open(dir, place string) (*xaeroflux.DB, error) {
	o := w.options(place)
	o.Invite, o.MustExist = "", true
	return xaeroflux.Open(dir, o)
}

// say appends n events, each with a text of its own, in batches.
func (w *world) say(ctx context.Context, db *xaeroflux.DB, rnd *rand.Rand, n int) error {
	for n > 0 {
		batch := make([]xaeroflux.Event, min(n, 1+rnd.IntN(20)))
		texts := make([]string, len(batch))
		for i := range batch {
			texts[i] = fmt.Sprintf("%d %0*d", len(w.acked)+i, 1+rnd.IntN(600), rnd.Uint32())
			batch[i] = xaeroflux.Event{Type: "said", Payload: []byte(texts[i])}
		}
		if _, err := db.AppendBatch(ctx, batch); err != nil {
			return err
		}
		w.acked = append(w.acked, texts...)
		n -= len(batch)
	}
	return nil
}

// sync lets two stores meet.
func (w *world) sync(ctx context.Context, a, b *xaeroflux.DB) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.opened++
	at, err := b.Listen(ctx, fmt.Sprintf("p%d:0", w.opened))
	if err != nil {
		return err
	}
	_, err = a.Sync(ctx, at.String())
	return err
}

// holds compares a store with all that was acknowledged. Of what is missing the
// first is named.
func (w *world) holds(ctx context.Context, db *xaeroflux.DB) error {
	var got []string
	for rec, err := range db.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			return err
		}
		got = append(got, string(rec.Payload))
	}
	want := slices.Clone(w.acked)
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return nil
	}
	for _, text := range want {
		if _, found := slices.BinarySearch(got, text); !found {
			return fmt.Errorf("%d events of %d that were acknowledged; not there is %.20q", len(got), len(want), text)
		}
	}
	return fmt.Errorf("%d events, and %d were acknowledged", len(got), len(want))
}

// whole wants no fork and no finding of a store, and all that was acknowledged.
func (w *world) whole(ctx context.Context, db *xaeroflux.DB) error {
	if forks, err := db.Forks(); err != nil || len(forks) > 0 {
		return fmt.Errorf("%d forks: %v", len(forks), err)
	}
	if err := w.holds(ctx, db); err != nil {
		return err
	}
	report, err := db.Check(ctx, nil)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		return fmt.Errorf("check finds %s: %s", f.Where, f.What)
	}
	return nil
}

// told reports whether an error of opening is one that a person can act on: it
// says what is the matter by its type.
func told(err error) bool {
	for _, known := range []error{
		xaeroflux.ErrNoStore, xaeroflux.ErrInUse, xaeroflux.ErrRemains, xaeroflux.ErrIdentity, xaeroflux.ErrFormat, identity.ErrSeedFile, fs.ErrNotExist,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.Is(err, xaeroflux.ErrCorrupt) || durable.TroubleOf(err) != durable.NoTrouble
}

// files reads all files below dir, by their relative names.
func files(dir string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path) // it is below dir
		all[rel] = string(b)
		return err
	})
	return all, err
}
