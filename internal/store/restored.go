// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// restoredFrom returns the time of the backup that the store is, or zero. Such a
// store is a copy, wherever it lies, until it turned or was adopted.
func restoredFrom(v *aof.View) (time.Time, error) {
	at, _, err := aof.Row(v, layout.Restores, layout.Only{})
	return at, err
}

// backupText names a backup.
func backupText(at time.Time) string { return "the backup of " + at.UTC().Format(time.RFC3339) }

// A Restored is files that make a store once they have a FORMAT.
type Restored struct {
	PageBytes, SegmentPages int
	Backup                  time.Time
	Place                   string // see Options
}

// FinishRestore makes a store of a directory that holds the AOF of a snapshot,
// its pages, and identity.key if the snapshot had one. If it had none, the store
// gets an identity of its own, with new logs.
func FinishRestore(dir string, r Restored) (err error) {
	fs, f := durable.OS, layout.Format{PageBytes: r.PageBytes, SegmentPages: r.SegmentPages}
	if f.Place, err = placeOf(dir, r.Place); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	a, err := aof.Open(filepath.Join(dir, layout.AOFName), aof.Options{MustExist: true})
	if err != nil {
		return err
	}
	if _, missing := os.Stat(filepath.Join(dir, layout.SeedName)); errors.Is(missing, os.ErrNotExist) {
		err = renew(dir, a, &f, r.Place)
	} else {
		err = errors.Join(a.View(func(v *aof.View) error { return keepDevice(v, &f) }), a.Commit(func(t *aof.Txn) error {
			return aof.PutRow(t, layout.Restores, layout.Only{}, r.Backup)
		}))
	}
	if err = errors.Join(err, a.Close()); err != nil {
		return err
	}
	for _, d := range []string{layout.LogsName, layout.MMRName} {
		if err := fs.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := syncNames(fs, dir); err != nil {
		return err
	}
	return writeFormat(fs, filepath.Join(dir, layout.FormatName), f)
}

// keepDevice takes generation and place from the rows.
func keepDevice(v *aof.View, f *layout.Format) error {
	g, found, err := aof.Row(v, layout.Generations, layout.Only{})
	if err == nil && !found {
		err = &corrupt.Error{Where: "aof, meta", What: "it holds no generation"}
	}
	if err != nil {
		return err
	}
	f.Generation = g
	f.Place, err = loadPlace(v, f.Place)
	return err
}

// renew gives a store without an identity a new one.
func renew(dir string, a *aof.Store, f *layout.Format, place string) (err error) {
	var next identity.Device
	if next.Seed, err = identity.NewSeed(rand.Reader); err != nil {
		return err
	}
	if next.Generation, err = identity.NewGeneration(nil); err != nil {
		return err
	}
	if err := identity.CreateSeed(filepath.Join(dir, layout.SeedName), next.Seed); err != nil {
		return err
	}
	if f.Place, err = placeOf(dir, place); err != nil {
		return err
	}
	f.Generation = next.Generation
	u := &turn{next: next}
	return a.Commit(func(t *aof.Txn) error {
		var topics []*Topic
		err := aof.EachRow(&t.View, layout.Topics, func(_ digest.Hash, topic *Topic) error {
			topics = append(topics, topic)
			return nil
		})
		for _, topic := range topics {
			if err == nil {
				_, err = u.putLog(t, topic, [32]byte{}, nil)
			}
		}
		return errors.Join(err, putDevice(t, f.Generation, f.Place))
	})
}
