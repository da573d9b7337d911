// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"path/filepath"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// CopyTo writes what the last commit left, without free pages, to a data file in
// dir, which is made, and syncs it. Commits go on meanwhile, except one that has
// to make the map larger.
func (s *Store) CopyTo(dir string) error {
	s.views <- struct{}{}
	defer func() { <-s.views }()
	if err := s.mapped(); err != nil {
		return err
	}
	defer s.remap.RUnlock()
	if err := durable.OS.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := s.env.CopyFlag(dir, lmdb.CopyCompact); err != nil {
		return lmdbError(err)
	}
	path := filepath.Join(dir, dataFile)
	if err := syncFile(durable.OS, path); err != nil {
		return err
	}
	return precheck(durable.OS, path)
}
