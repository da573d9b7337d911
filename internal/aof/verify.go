// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// verify reads all small rows, and opens none of those that are sealed. A flipped byte in a key would otherwise make a
// row seem never to have been there. Events are checked when they are read.
func (v *View) verify() error {
	if err := v.verifyFormat(); err != nil {
		return err
	}
	logs := uint64(0)
	err := v.ForEachLog(func(r LogRow) error {
		logs++
		return v.verifyID(r.ID, r.Num)
	})
	if err != nil {
		return err
	}
	ids, err := v.tx.Stat(v.s.dbs[dbLogIDs])
	if err != nil {
		return lmdbError(err)
	}
	if ids.Entries != logs {
		return mismatch("log ids", fmt.Sprintf("%d rows, one a log", logs), fmt.Sprintf("%d", ids.Entries))
	}
	for b := Topics; b <= Meta; b++ {
		err := v.each(int(b), nil, func(key, raw []byte) error {
			_, err := openRow(b, key, raw)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *View) verifyFormat() error {
	raw, ok, err := v.get(dbFormat, formatKey)
	if err != nil {
		return err
	}
	if !ok {
		return mismatch("format row", "present", "missing")
	}
	got, err := openRow(dbFormat, formatKey, raw)
	if err != nil {
		return err
	}
	sealed, err := parseFormat(got, v.s.key)
	v.s.format, v.s.sealed = bytes.Clone(got), sealed
	return err
}

func (v *View) verifyID(id digest.Hash, num uint32) error {
	b, ok, err := v.get(dbLogIDs, id[:])
	if err != nil {
		return err
	}
	if !ok || len(b) != 4 || binary.LittleEndian.Uint32(b) != num {
		return mismatch("log id "+id.String(), fmt.Sprintf("number %d", num), fmt.Sprintf("%x", b))
	}
	return nil
}
