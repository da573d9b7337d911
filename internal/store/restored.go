// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"os"
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
	keyed, err := s.has(seedName)
	if err == nil && !keyed {
		err = s.newSeed(nil)
	} else if err == nil {
		err = s.loadSeed()
	}
	if err != nil {
		return err
	}
	a, err := aof.Open(s.path(aofName), aof.Options{MustExist: true, Key: s.key, FS: s.opts.FS})
	if err != nil {
		return err
	}
	if !keyed {
		err = s.renew(a, &f)
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

// renew makes a store that had no identity the device of its new seed.
func (s *Store) renew(a *aof.Store, f *layout.Format) (err error) {
	next := identity.Device{Seed: s.device.Seed}
	if next.Generation, err = identity.NewGeneration(nil); err != nil {
		return err
	}
	if f.Place, err = device.PlaceOf(s.dir, s.opts.Place); err != nil {
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
