// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"io/fs"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Rule: what is held of a topic that was left for good is deleted when the store is
// opened, before anything of it is read: first the files of its logs, then their rows and
// all others that name it, last its own. A crash leaves that row, and the next opening goes
// on; until then no witness speaks of those logs.

// dropped returns the topics that are to be deleted.
func (s *Store) dropped() map[digest.Hash]bool {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	all := map[digest.Hash]bool{}
	for id, t := range s.topics.all {
		if t.Dropped {
			all[id] = true
		}
	}
	return all
}

// purge deletes what is held of topics that were left for good, and reports whether there
// were any.
func (s *Store) purge() (purged bool, err error) {
	for id := range s.dropped() {
		if err := s.purgeTopic(id); err != nil {
			return true, err
		}
		purged = true
	}
	return purged, nil
}

func (s *Store) purgeTopic(topic digest.Hash) error {
	var rows []aof.LogRow
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			if row.Topic == topic {
				rows = append(rows, row)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := s.purgeFiles(rows); err != nil {
		return err
	}
	d := &dropping{topic: topic, logs: map[digest.Hash]bool{}}
	for _, row := range rows {
		d.logs[row.ID] = true
	}
	if err := s.rememberDropped(rows); err != nil {
		return err
	}
	if err := d.rows(s.aof); err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.aof.Commit(func(t *aof.Txn) error { return t.DropLog(&row) }); err != nil {
			return err
		}
	}
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	num := s.topics.all[topic].Num
	delete(s.topics.all, topic)
	return s.aof.Commit(func(t *aof.Txn) error { return aof.DeleteRow(t, layout.Topics, num) })
}

// rememberDropped keeps which logs were this device's own: one that began again would fork
// what others hold of it.
func (s *Store) rememberDropped(rows []aof.LogRow) error {
	return s.aof.Commit(func(t *aof.Txn) error {
		for _, row := range rows {
			if !row.Own || row.Kind != identity.KindData {
				continue
			}
			if err := aof.PutRow(t, layout.Formers, layout.FormerKey{Topic: row.Topic, Author: row.Author}, row.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// purgeFiles removes the files of logs.
func (s *Store) purgeFiles(rows []aof.LogRow) error {
	fsys := s.opts.FS
	for _, row := range rows {
		id := row.ID.String()
		for _, path := range []string{s.path(logsName, id), s.path(mmrName, id), s.path(forksName, id+forkSuffix)} {
			if err := fsys.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{logsName, mmrName, forksName} {
		if err := fsys.SyncDir(s.path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// A dropping finds the rows that name a topic or one of its logs.
type dropping struct {
	topic digest.Hash
	logs  map[digest.Hash]bool
}

// dropRows is how many rows are deleted at a time.
const dropRows = 4096

// rows deletes all of them but the topic's own and those of logs.
func (d *dropping) rows(a *aof.Store) error {
	for _, name := range layout.Buckets() {
		b := aof.BucketNamed(name)
		if b == aof.Topics {
			continue
		}
		for more := true; more; {
			var keys [][]byte
			err := a.View(func(v *aof.View) error {
				return v.ForEach(b, nil, func(key, value []byte) error {
					if len(keys) < dropRows && d.names(name, key, value) {
						keys = append(keys, bytes.Clone(key))
					}
					return nil
				})
			})
			if err == nil && len(keys) > 0 {
				err = a.Commit(func(t *aof.Txn) error {
					for _, k := range keys {
						if err := t.Delete(b, k); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err != nil {
				return err
			}
			more = len(keys) == dropRows
		}
	}
	return nil
}

// names reports whether a row is of the topic or of one of its logs: its key begins with
// the id, but that of an agreement and of a cursor, which end with it, and of an event's
// id, whose value begins with the log's.
func (d *dropping) names(bucket string, key, value []byte) bool {
	k := layout.KindOf(bucket, key)
	if k == nil {
		return false
	}
	rest := key[len(k.Prefix):]
	switch k {
	case &layout.Formers.Kind:
		return false // that this device had a log is remembered for ever
	case &layout.Agreements.Kind, &layout.Progress.Kind:
		return len(rest) >= digest.Size && d.has(rest[len(rest)-digest.Size:])
	case &layout.IDs.Kind:
		return len(value) >= digest.Size && d.has(value[:digest.Size])
	}
	return len(rest) >= digest.Size && d.has(rest[:digest.Size])
}

func (d *dropping) has(id []byte) bool {
	h := digest.Hash(id)
	return h == d.topic || d.logs[h]
}
