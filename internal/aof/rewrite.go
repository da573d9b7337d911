// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"path/filepath"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// rewriteBytes is about how much of a file is written anew in one transaction.
const rewriteBytes = 8 << 20

// Sealed reports whether rows of secrets are sealed in the file.
func (s *Store) Sealed() bool {
	s.remap.RLock()
	defer s.remap.RUnlock()
	return s.sealed
}

// seal writes a file anew in which secrets lie in the clear. Without room for that it
// stays as it is, and the next Open tries again.
func (s *Store) seal() error {
	if s.key == nil || s.Sealed() {
		return nil
	}
	err := s.reopened(func() error {
		err := s.rewrite()
		if durable.TroubleOf(err) == durable.Full {
			return s.fs.RemoveAll(filepath.Join(s.dir, newDir))
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.View((*View).verifyFormat)
}

// rewrite makes a data file of version 3 of one of version 2, and puts it in its place.
// A crash leaves the old one or the new one.
func (s *Store) rewrite() error {
	tmp := filepath.Join(s.dir, newDir)
	if err := s.fs.RemoveAll(tmp); err != nil {
		return err
	}
	if err := s.fs.MkdirAll(tmp, 0o700); err != nil {
		return err
	}
	if err := initEnv(s.fs, tmp, formatOf(s.key)); err != nil {
		return err
	}
	if err := s.rewriteTo(tmp); err != nil {
		return err
	}
	path := filepath.Join(tmp, dataFile)
	if err := errors.Join(syncFile(s.fs, path), precheck(s.fs, path)); err != nil {
		return err
	}
	return moveIn(s.fs, tmp, s.dir)
}

// rewriteTo copies every row to the environment in tmp.
func (s *Store) rewriteTo(tmp string) (err error) {
	info, err := s.fs.Stat(filepath.Join(s.dir, dataFile))
	if err != nil {
		return err
	}
	from, err := openRows(s.fs, s.dir, minMapBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.env.Close()) }()
	to, err := openRows(s.fs, tmp, 2*info.Size()+defaultMapBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.env.Close()) }()
	to.key, to.sealed = s.key, true
	for db := range numDBs {
		if db == dbFormat {
			continue
		}
		if err := to.copyDB(from, db); err != nil {
			return lmdbError(err)
		}
	}
	return nil
}

// openRows opens an environment for its rows alone.
func openRows(fsys durable.FS, dir string, mapBytes int64) (*Store, error) {
	env, err := openLMDB(fsys, dir, mapBytes, false)
	if err != nil {
		return nil, err
	}
	s := &Store{env: env}
	if err := env.View(func(tx *lmdb.Txn) error { return openDBs(tx, &s.dbs, 0) }); err != nil {
		return nil, errors.Join(lmdbError(err), env.Close())
	}
	return s, nil
}

// copyDB appends the rows of a database of another file, a part in each transaction.
func (s *Store) copyDB(from *Store, db int) error {
	return from.env.View(func(source *lmdb.Txn) error {
		source.RawRead = true
		c, err := source.OpenCursor(from.dbs[db])
		if err != nil {
			return err
		}
		defer c.Close()
		for more := true; more; {
			err := s.env.Update(func(tx *lmdb.Txn) (err error) {
				more, err = s.copyPart(tx, c, db)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// copyPart copies the next rows, and reports whether there may be more.
func (s *Store) copyPart(tx *lmdb.Txn, c *lmdb.Cursor, db int) (more bool, err error) {
	for copied := 0; copied < rewriteBytes; {
		key, raw, err := c.Get(nil, nil, lmdb.Next)
		if lmdb.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		copied += len(key) + len(raw)
		if raw, err = s.sealedRaw(db, key, raw); err != nil {
			return false, err
		}
		if err := tx.Put(s.dbs[db], key, raw, lmdb.Append); err != nil {
			return false, err
		}
	}
	return true, nil
}

// sealedRaw returns a row of a file of version 2 as one of version 3 has it.
func (s *Store) sealedRaw(db int, key, raw []byte) ([]byte, error) {
	b := Bucket(db)
	if !b.valid() || sealedKind(b, key) == nil {
		return raw, nil
	}
	value, err := openRow(b, key, raw)
	if err == nil {
		value, err = s.sealValue(b, key, value)
	}
	if err != nil {
		return nil, err
	}
	return sealRow(db, key, value), nil
}
