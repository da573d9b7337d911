// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// create makes the environment beside its place and renames the synced file
// there, so that a data file that exists is always whole: an empty or torn one
// is damage, not a new store.
func create(fsys durable.FS, dir string, key *identity.StoreKey) error {
	tmp := filepath.Join(dir, newDir)
	if err := fsys.RemoveAll(tmp); err != nil {
		return err
	}
	if err := fsys.MkdirAll(tmp, 0o700); err != nil {
		return err
	}
	if err := initEnv(fsys, tmp, formatOf(key)); err != nil {
		return err
	}
	return moveIn(fsys, tmp, dir)
}

// initEnv makes the databases in one synced transaction.
func initEnv(fsys durable.FS, dir string, format []byte) error {
	env, err := openLMDB(fsys, dir, minMapBytes, false)
	if err != nil {
		return err
	}
	var dbs [numDBs]lmdb.DBI
	err = env.Update(func(tx *lmdb.Txn) error {
		if err := openDBs(tx, &dbs, lmdb.Create); err != nil {
			return err
		}
		return tx.Put(dbs[dbFormat], formatKey, sealRow(dbFormat, formatKey, format), 0)
	})
	return errors.Join(lmdbError(err), env.Close())
}

func databaseName(db int) string { return "database " + dbNames[db] }

func openDBs(tx *lmdb.Txn, dbs *[numDBs]lmdb.DBI, flags uint) error {
	for i, name := range dbNames {
		dbi, err := tx.OpenDBI(name, flags)
		if lmdb.IsNotFound(err) {
			return mismatch(databaseName(i), "present", "missing")
		}
		if err != nil {
			return err
		}
		dbs[i] = dbi
	}
	return nil
}

// The directories open in this process. LMDB in one process must not open an
// environment twice: the locks of the second break those of the first. Those who
// only read take none, and go together.
var (
	openMu   sync.Mutex // guards openDirs
	openDirs []*Store
)

func register(s *Store) error {
	openMu.Lock()
	defer openMu.Unlock()
	for _, other := range openDirs {
		if os.SameFile(s.info, other.info) && !(s.look && other.look) {
			return fmt.Errorf("%s: %w", s.dir, ErrInUse)
		}
	}
	openDirs = append(openDirs, s)
	return nil
}

func unregister(s *Store) {
	openMu.Lock()
	defer openMu.Unlock()
	openDirs = slices.DeleteFunc(openDirs, func(other *Store) bool { return other == s })
}
