// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ranges checks every range row: its checksum, its records, its proof, and that
// none overlaps another.
func (c *checker) ranges() error {
	keys, err := rangeKeys(c.s.aof)
	if err != nil {
		return err
	}
	var end uint64
	var last digest.Hash
	for _, key := range keys {
		if err := c.stopped(); err != nil {
			return err
		}
		log, span, err := splitRangeKey(key)
		if err == nil && log == last && span.First < end {
			err = &CorruptError{Where: rangeName(log, span), What: fmt.Sprintf("the one before it ends at %d", end)}
		}
		if err == nil {
			last, end = log, span.End
			err = c.rangeRow(log, span)
		}
		if err != nil {
			c.Note(findings.Finding{Kind: findings.FlawRange, Where: rangeName(log, span), Log: log.String(), File: c.s.path(aofName, dataName)}, err)
		}
	}
	return nil
}

// rangeKeys returns the keys of all range rows, in order.
func rangeKeys(a *aof.Store) (keys [][]byte, err error) {
	err = a.View(func(v *aof.View) error {
		return v.ForEachRaw(aof.Ranges, nil, func(key, _ []byte) error {
			keys = append(keys, bytes.Clone(key))
			return nil
		})
	})
	return keys, err
}

func (c *checker) rangeRow(log digest.Hash, span syncer.Span) error {
	l, err := c.s.Log(log)
	if err != nil {
		return err
	}
	r, err := c.s.ReadRange(l, span)
	if errors.Is(err, ErrNotHeld) {
		return nil // it was absorbed meanwhile
	}
	if err != nil {
		return err
	}
	c.advance(int64(len(r.Records)))
	if err := chunk.Check(r); err != nil {
		return &CorruptError{Where: rangeName(log, span), What: "its proof", Err: err}
	}
	if span.End > l.Whole().Size {
		c.Report.Events += uint64(r.Count)
	}
	return nil
}
