// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Txn is a write transaction, with all the reads of a View that sees its own
// writes. It belongs to the goroutine that runs Commit's function.
type Txn struct {
	View
	events *lmdb.Cursor // of the events, opened on first use

	added  []digest.Hash // logs,
	legged []digest.Hash // and topics whose roster has another leg

	err     error // the first failed write: the transaction cannot commit
	latches bool  // err is a failure of the disk
}

// end makes the methods fail after the function has returned.
func (t *Txn) end() {
	if t.events != nil {
		t.events.Close()
		t.events = nil
	}
	t.tx = nil
}

// ready returns why the transaction takes no more writes, if so.
func (t *Txn) ready() error {
	if t.tx == nil {
		return ErrDone
	}
	return t.err
}

// fail remembers the error of a write. LMDB spills pages to disk within a
// transaction, so that a write can meet a full disk as well as a commit can.
func (t *Txn) fail(err error) error {
	err = lmdbError(err)
	if err == nil {
		return nil
	}
	if t.err == nil {
		var errno syscall.Errno
		t.err, t.latches = err, errors.As(err, &errno) && errno != syscall.ENOMEM
	}
	return err
}

// Put stores a small row. Key and value are copied.
func (t *Txn) Put(b Bucket, key, value []byte) error {
	if err := errors.Join(t.ready(), b.check(key)); err != nil {
		return err
	}
	if len(value) > b.maxValue() {
		return invalid("value of %d bytes, limit %d", len(value), b.maxValue())
	}
	value, err := t.s.sealValue(b, key, value)
	if err != nil {
		return err
	}
	return t.fail(t.tx.Put(t.s.dbs[b], key, sealRow(int(b), key, value), 0))
}

// Delete removes a small row, if it is there.
func (t *Txn) Delete(b Bucket, key []byte) error {
	if err := errors.Join(t.ready(), b.check(key)); err != nil {
		return err
	}
	err := t.tx.Del(t.s.dbs[b], key, nil)
	if lmdb.IsNotFound(err) {
		return nil
	}
	return t.fail(err)
}

// PutLog stores the row of a log. A row whose Num is 0 gets the number the log
// has, or the next free one if it is new, which is set in r.
func (t *Txn) PutLog(r *LogRow) error {
	if err := t.ready(); err != nil {
		return err
	}
	if flaw := r.flaw(); flaw != "" {
		return invalid("log %s: %s", r.ID.Short(), flaw)
	}
	b, known, err := t.get(dbLogIDs, r.ID[:])
	if err != nil {
		return err
	}
	if !known {
		return t.addLog(r)
	}
	num, err := decodeNum(b)
	if err != nil {
		return err
	}
	if r.Num != 0 && r.Num != num {
		return invalid("log %s: number %d, stored as %d", r.ID.Short(), r.Num, num)
	}
	key := numKey(num)
	r.Num = num
	return t.fail(t.tx.Put(t.s.dbs[dbLogs], key[:], encodeLogRow(r), 0))
}

// addLog numbers a new log from 1. Numbers rise, so the row is appended, which
// fills LMDB's pages to the end.
func (t *Txn) addLog(r *LogRow) error {
	if r.Num != 0 {
		return invalid("log %s: number %d, not stored yet", r.ID.Short(), r.Num)
	}
	num, err := t.nextNum()
	if err != nil {
		return err
	}
	row := *r
	row.Num = num
	key := numKey(num)
	if err := t.fail(t.tx.Put(t.s.dbs[dbLogs], key[:], encodeLogRow(&row), lmdb.Append)); err != nil {
		return err
	}
	value := binary.LittleEndian.AppendUint32(nil, num)
	if err := t.fail(t.tx.Put(t.s.dbs[dbLogIDs], r.ID[:], value, lmdb.NoOverwrite)); err != nil {
		return err
	}
	r.Num = num
	t.added = append(t.added, r.ID)
	return t.addLeg(r)
}

// addLeg lists a log with its topic if it is a later leg of the roster.
func (t *Txn) addLeg(r *LogRow) error {
	if r.Kind != identity.KindRoster || r.Number == 0 {
		return nil
	}
	legs, _, err := Row(&t.View, layout.Legs, r.Topic)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(legs, r.ID, digest.Hash.Compare)
	if found || len(legs) >= layout.MaxLegs {
		return nil // whoever stores legs asks first if there is room
	}
	t.legged = append(t.legged, r.Topic)
	return PutRow(t, layout.Legs, r.Topic, slices.Insert(legs, at, r.ID))
}

func (t *Txn) nextNum() (uint32, error) {
	c, err := t.tx.OpenCursor(t.s.dbs[dbLogs])
	if err != nil {
		return 0, t.fail(err)
	}
	defer c.Close()
	key, _, err := step(c, lmdb.Last)
	switch {
	case err != nil:
		return 0, err
	case key == nil:
		return 1, nil
	case len(key) != 4:
		return 0, mismatch("log row", "a key of 4 bytes", fmt.Sprintf("%d", len(key)))
	}
	last := binary.BigEndian.Uint32(key)
	if last == 1<<32-1 {
		return 0, invalid("no log number left")
	}
	return last + 1, nil
}
