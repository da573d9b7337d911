// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/device"
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

// restoreRows says in the rows that the store was restored, and finds out what its
// FORMAT is.
func (s *Store) restoreRows(r *Restored) (err error) {
	f := layout.Format{PageBytes: r.PageBytes, SegmentPages: r.SegmentPages}
	if f.Place, err = device.PlaceOf(s.dir, r.Place); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	a, err := aof.Open(s.path(aofName), aof.Options{MustExist: true, FS: s.opts.FS})
	if err != nil {
		return err
	}
	if keyed, err2 := s.has(seedName); err2 != nil {
		err = err2
	} else if !keyed {
		err = renew(s.dir, a, &f, r.Place)
	} else {
		err = errors.Join(a.View(func(v *aof.View) error { return keepDevice(v, &f) }), a.Commit(func(t *aof.Txn) error {
			return aof.PutRow(t, layout.Restores, layout.Only{}, r.Backup)
		}))
	}
	s.format = f
	return errors.Join(err, a.Close(), s.opts.FS.MkdirAll(s.path(logsName), 0o700), s.opts.FS.MkdirAll(s.path(mmrName), 0o700))
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
	f.Place, err = device.LoadPlace(v, f.Place)
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
	if f.Place, err = device.PlaceOf(dir, place); err != nil {
		return err
	}
	f.Generation = next.Generation
	u := &device.Turn{Next: next}
	return a.Commit(func(t *aof.Txn) error {
		var topics []*Topic
		err := aof.EachRow(&t.View, layout.Topics, func(_ uint32, topic *Topic) error {
			topics = append(topics, topic)
			return nil
		})
		for _, topic := range topics {
			if err == nil {
				_, err = u.PutLog(t, topic, [32]byte{}, nil)
			}
		}
		return errors.Join(err, device.Put(t, f.Generation, f.Place))
	})
}
