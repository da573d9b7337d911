// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"fmt"

	"github.com/PowerDNS/lmdb-go/lmdb"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A View is one snapshot of the store. Slices it hands out are borrowed: they
// live in the map and die when the function they were handed to, or else the
// View's own function, returns; in a Txn, at its next write.
type View struct {
	s  *Store
	tx *lmdb.Txn
}

// View runs fn on a snapshot. It may be called by many goroutines, but not
// inside another View, and a View must not wait for a Commit.
func (s *Store) View(fn func(*View) error) error {
	s.views <- struct{}{}
	defer func() { <-s.views }()
	if err := s.mapped(); err != nil {
		return err
	}
	defer s.remap.RUnlock()
	var fnErr error
	err := s.env.View(func(tx *lmdb.Txn) error {
		tx.RawRead = true
		v := &View{s: s, tx: tx}
		defer func() { v.tx = nil }()
		fnErr = fn(v)
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	return lmdbError(err)
}

// get returns the raw value, borrowed, and whether there is one.
func (v *View) get(db int, key []byte) ([]byte, bool, error) {
	if v.tx == nil {
		return nil, false, ErrDone
	}
	b, err := v.tx.Get(v.s.dbs[db], key)
	if lmdb.IsNotFound(err) {
		return nil, false, nil
	}
	return b, err == nil, lmdbError(err)
}

// each calls fn with the rows whose keys begin with prefix, in order.
func (v *View) each(db int, prefix []byte, fn func(key, value []byte) error) error {
	if v.tx == nil {
		return ErrDone
	}
	c, err := v.tx.OpenCursor(v.s.dbs[db])
	if err != nil {
		return lmdbError(err)
	}
	defer c.Close()
	op, from := uint(lmdb.SetRange), prefix
	if len(prefix) == 0 {
		op = lmdb.First
	}
	for ; ; op, from = lmdb.Next, nil {
		key, value, err := c.Get(from, nil, op)
		if lmdb.IsNotFound(err) || err == nil && !bytes.HasPrefix(key, prefix) {
			return nil
		}
		if err != nil {
			return lmdbError(err)
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
}

// Log returns the row of a log and whether there is one.
func (v *View) Log(id digest.Hash) (LogRow, bool, error) {
	b, ok, err := v.get(dbLogIDs, id[:])
	if err != nil || !ok {
		return LogRow{}, false, err
	}
	num, err := decodeNum(b)
	if err != nil {
		return LogRow{}, false, err
	}
	r, ok, err := v.LogByNum(num)
	switch {
	case err != nil:
		return LogRow{}, false, err
	case !ok:
		return LogRow{}, false, mismatch(fmt.Sprintf("log %d", num), "the row of "+id.String(), "none")
	case r.ID != id:
		return LogRow{}, false, mismatch(fmt.Sprintf("log %d", num), "id "+id.String(), r.ID.String())
	}
	return r, true, nil
}

// LogByNum returns the row of the log with a number and whether there is one.
func (v *View) LogByNum(num uint32) (LogRow, bool, error) {
	key := numKey(num)
	b, ok, err := v.get(dbLogs, key[:])
	if err != nil || !ok {
		return LogRow{}, false, err
	}
	r, err := decodeLogRow(key[:], b)
	return r, err == nil, err
}

// ForEachLog calls fn with every log in order of number. The rows are the
// caller's to keep.
func (v *View) ForEachLog(fn func(LogRow) error) error {
	return v.each(dbLogs, nil, func(key, value []byte) error {
		r, err := decodeLogRow(key, value)
		if err != nil {
			return err
		}
		return fn(r)
	})
}

// Get returns the value of a small row, borrowed, and whether there is one.
func (v *View) Get(b Bucket, key []byte) ([]byte, bool, error) {
	if err := b.check(key); err != nil {
		return nil, false, err
	}
	raw, ok, err := v.get(int(b), key)
	if err != nil || !ok {
		return nil, false, err
	}
	value, err := openRow(b, key, raw)
	if err == nil {
		value, err = v.s.openValue(b, key, value)
	}
	return value, err == nil, err
}

// ForEach calls fn with the small rows whose keys begin with prefix, in order of
// key; nil means all. Key and value are borrowed until fn returns.
func (v *View) ForEach(b Bucket, prefix []byte, fn func(key, value []byte) error) error {
	if !b.valid() {
		return invalid("bucket %d", b)
	}
	return v.each(int(b), prefix, func(key, raw []byte) error {
		value, err := openRow(b, key, raw)
		if err == nil {
			value, err = v.s.openValue(b, key, value)
		}
		if err != nil {
			return err
		}
		return fn(key, value)
	})
}

// ForEachRaw is ForEach without a look at the checksums, which would read every
// byte: what it hands out may be damaged or sealed, and a row that is used is read by Get.
func (v *View) ForEachRaw(b Bucket, prefix []byte, fn func(key, value []byte) error) error {
	if !b.valid() {
		return invalid("bucket %d", b)
	}
	return v.each(int(b), prefix, func(key, raw []byte) error {
		return fn(key, raw[min(rowHeader, len(raw)):])
	})
}
