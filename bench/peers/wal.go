// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"path/filepath"

	"github.com/tidwall/wal"
)

// WAL is tidwall/wal, a write-ahead log in segment files.
var WAL = &Peer{
	Name:    "tidwall/wal",
	Module:  "github.com/tidwall/wal",
	Promise: "synced to disk",
	Tuning:  "group commit by the benchmark; entries read without a copy, 32 segments of 20 MB held in memory",
	Floor:   true,
	Open: func(dir string, h Hint) (Store, error) {
		log, err := wal.Open(filepath.Join(dir, "wal"), &wal.Options{
			NoSync: h.Unsynced, SegmentSize: 20 << 20, SegmentCacheSize: 32, NoCopy: true, DirPerms: 0o750, FilePerms: 0o640,
		})
		if err != nil {
			return nil, err
		}
		s := &walStore{log: log}
		if s.last, err = log.LastIndex(); err != nil {
			return nil, err
		}
		s.g = gather(s.commit)
		return s, nil
	},
}

type walStore struct {
	log   *wal.Log
	g     *gatherer
	batch wal.Batch // of the gatherer's goroutine, as is last
	last  uint64    // index, from 1
}

func (s *walStore) commit(payloads [][]byte) error {
	s.batch.Clear()
	for i, p := range payloads {
		s.batch.Write(s.last+uint64(i)+1, p)
	}
	if err := s.log.WriteBatch(&s.batch); err != nil {
		return err
	}
	s.last += uint64(len(payloads))
	return nil
}

func (s *walStore) Append(payloads [][]byte) error { return s.g.append(payloads) }

func (s *walStore) Iterate(fn func([]byte) error) error {
	for i := uint64(1); i <= s.last; i++ {
		p, err := s.log.Read(i)
		if err == nil {
			err = fn(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *walStore) Get(seq int) ([]byte, error) {
	p, err := s.log.Read(uint64(seq) + 1)
	return append([]byte(nil), p...), err
}

func (s *walStore) Close() error {
	s.g.close()
	return s.log.Close()
}
