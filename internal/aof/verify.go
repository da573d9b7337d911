// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// verify reads all small rows. A flipped byte in a key would otherwise make a
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
		if err := v.ForEach(b, nil, func(_, _ []byte) error { return nil }); err != nil {
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
	if !bytes.Equal(got, formatValue) {
		return mismatch("format row", fmt.Sprintf("version %x", formatValue), fmt.Sprintf("%x", got))
	}
	return nil
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
