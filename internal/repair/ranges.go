// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"bytes"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// dropRanges deletes the range rows that a check finds damaged. They can be
// fetched again.
func (s *rows) dropRanges() error {
	var keys [][]byte
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachRaw(aof.Ranges, nil, func(key, _ []byte) error {
			keys = append(keys, bytes.Clone(key))
			return nil
		})
	})
	if err != nil {
		return err
	}
	var last digest.Hash
	var end uint64
	for _, key := range keys {
		k, err := layout.Ranges.ParseKey(key)
		switch {
		case err == nil && k.Log == last && k.First < end:
			err = fmt.Errorf("the one before it ends at %d", end)
		case err == nil:
			err = s.checkRange(k)
		}
		if err == nil {
			last, end = k.Log, k.End
			continue
		}
		if err := s.aof.Commit(func(t *aof.Txn) error { return t.Delete(aof.Ranges, key) }); err != nil {
			return err
		}
		s.r.doneBut(k.Log, RemedyFetch, "%s dropped: %v", k, err)
	}
	return nil
}

func (s *rows) checkRange(k layout.RangeKey) error {
	row, found := s.logs[k.Log]
	if !found {
		return fmt.Errorf("no row is of log %s", k.Log)
	}
	var value []byte
	err := s.aof.View(func(v *aof.View) error {
		b, _, err := v.Get(aof.Ranges, layout.Ranges.Key(k))
		value = bytes.Clone(b)
		return err
	})
	if err != nil {
		return err
	}
	r, err := layout.Ranges.ParseValue(k, value)
	if err != nil {
		return err
	}
	// Its records were judged when they were stored; here is only checked that they are the same.
	return chunk.Check(chunk.OfRow(syncer.LogOf(k.Log, row.Name(), nil), k, r))
}
