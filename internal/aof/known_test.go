// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func rowOf(n byte, kind identity.LogKind, number uint64) LogRow {
	pageBytes := uint32(4096)
	if kind != identity.KindData {
		pageBytes = identity.RosterPageBytes
	}
	return NewLogRow(identity.LogName{Topic: digest.Hash{9}, Author: [32]byte{n}, PageBytes: pageBytes, Kind: kind, Number: number}, false)
}

func add(t *testing.T, s *Store, rows ...LogRow) {
	t.Helper()
	err := s.Commit(func(tx *Txn) error {
		for i := range rows {
			if err := tx.PutLog(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A log that was not there is found once it is, however often it was asked for before.
func TestAbsentLogIsFoundOnceThere(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	row := rowOf(1, identity.KindData, 0)
	for range 3 {
		if _, found, err := s.Log(row.ID); found || err != nil {
			t.Fatalf("before: %v, %v", found, err)
		}
	}
	if !s.Lacks(row.ID) {
		t.Error("it is not remembered that the log is not there")
	}
	err := s.Commit(func(tx *Txn) error {
		again := row
		return errors.Join(tx.PutLog(&again), errors.New("no"))
	})
	if _, found, _ := s.Log(row.ID); found || err == nil {
		t.Errorf("after a transaction that was given up: %v, %v", found, err)
	}
	add(t, s, row)
	if got, found, err := s.Log(row.ID); !found || err != nil || got.ID != row.ID || s.Lacks(row.ID) {
		t.Errorf("after: %v, %v", found, err)
	}
}

// What a view saw that began before a commit says nothing of what is absent after it.
func TestOldViewDoesNotSayWhatIsAbsent(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	row := rowOf(1, identity.KindData, 0)
	_, at := s.known.isAbsent(row.ID) // and the view looks now,
	add(t, s, row)
	s.known.note(row.ID, at) // and says so only here
	if _, found, err := s.Log(row.ID); !found || err != nil {
		t.Errorf("a log that is there: %v, %v", found, err)
	}
}

// What is absent is remembered of a bounded number of logs, and of none once the store
// is closed.
func TestAbsentLogsAreBounded(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	var id digest.Hash
	for i := range maxAbsent + 10 {
		id[0], id[1] = byte(i), byte(i>>8)
		if _, found, err := s.Log(id); found || err != nil {
			t.Fatal(found, err)
		}
	}
	if n := len(s.known.absent); n > maxAbsent {
		t.Errorf("%d are remembered, want at most %d", n, maxAbsent)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Log(id); !errors.Is(err, ErrClosed) || s.Lacks(id) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := s.Legs(digest.Hash{9}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Later legs are found, whether they were there before somebody asked or not, and in a
// store that was opened again.
func TestLegsAreFound(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	topic := digest.Hash{9}
	want := func(n int) {
		t.Helper()
		if ids, err := s.Legs(topic); err != nil || len(ids) != n {
			t.Errorf("%d legs, want %d: %v", len(ids), n, err)
		}
	}
	want(0)
	add(t, s, rowOf(1, identity.KindRoster, 0), rowOf(1, identity.KindData, 0))
	want(0)
	add(t, s, rowOf(1, identity.KindRoster, 1))
	want(1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, Options{})
	add(t, s, rowOf(2, identity.KindRoster, 2)) // before somebody asks
	want(2)
}
