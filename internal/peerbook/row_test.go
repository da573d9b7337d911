// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// rowOf makes an entry that uses every field.
func rowOf(t testing.TB) (*Book, []byte) {
	b := New(peer(0))
	b.Told(addr(1), by(1), t0)
	b.Told(identity.Address{Peer: peer(1), Host: "[2001:db8::1]:443"}, by(2), t0)
	b.Proved(addr(1), t0)
	b.Up(peer(1), []digest.Hash{topic, digest.Sum([]byte("another"))}, t0)
	b.Down(peer(1), time.Second, false, errOops, t0.Add(time.Minute), 0.25)
	row := b.Changes()[peer(1)]
	if row == nil {
		t.Fatal("no row")
	}
	return b, row
}

func TestRowsComeBack(t *testing.T) {
	b, row := rowOf(t)
	if rows := b.Changes(); len(rows) != 0 {
		t.Errorf("%d rows changed again", len(rows))
	}
	again := New(peer(0))
	if err := again.Load(peer(1), row); err != nil {
		t.Fatal(err)
	}
	want := b.peers[peer(1)].clone()
	want.Claimed, want.heard, want.from = nil, time.Time{}, "" // is not stored
	for i := range want.Places {
		want.Places[i].Via = Nowhere
	}
	want.rest = time.Time{} // stands in the places
	want.resume()
	if have := *again.peers[peer(1)]; !reflect.DeepEqual(have, want) {
		t.Errorf("\n have %+v\n want %+v", have, want)
	}
	if again.LongProven(peer(1), t0) || !again.LongProven(peer(1), t0.Add(LongAgo)) {
		t.Error("the day of the first proof does not come back")
	}
	b.Forget(peer(1))
	if rows := b.Changes(); len(rows) != 1 || rows[peer(1)] != nil {
		t.Errorf("forgotten: %v", rows)
	}
}

// A row says when its error was, and so how long its places rest.
func TestRowsTellWhenTheErrorWas(t *testing.T) {
	reload := func(b *Book) Entry {
		again := New(peer(0))
		if err := again.Load(peer(1), b.Changes()[peer(1)]); err != nil {
			t.Fatal(err)
		}
		e, _ := again.Get(peer(1))
		return e
	}
	b, _ := rowOf(t)
	for failures := range 15 {
		now := t0.Add(time.Duration(failures+1) * time.Hour)
		b.Failed(addr(1), errOops, now, float64(failures)/15)
		e := reload(b)
		if rest := e.Next.Sub(now); !e.Erred.Equal(now) || rest != Pause(e.Failures, 0) {
			t.Errorf("after %d failures the error was at %s, want %s; the next try is %s later", failures+1, e.Erred, now, rest)
		}
	}
	now := t0.Add(24 * time.Hour)
	b.Up(peer(1), nil, now)
	if e := reload(b); e.LastError == "" || !e.Erred.Equal(now.Add(-9*time.Hour)) {
		t.Errorf("after another session began, %q was at %s", e.LastError, e.Erred)
	}
	b.Down(peer(1), time.Second, false, errOops, now, 0)
	if e := reload(b); !e.Erred.Equal(now) {
		t.Errorf("of a session that ended, it was at %s, want %s", e.Erred, now)
	}
}

// Rows that do not say when the peer was found first are of a peer that was found
// long ago.
func TestRowsWithoutADay(t *testing.T) {
	_, row := rowOf(t)
	row[6], row[7] = 0, 0
	b := New(peer(0))
	if err := b.Load(peer(1), row); err != nil || !b.LongProven(peer(1), t0) {
		t.Error(err)
	}
}

// Peers that were only heard of are not written to disk.
func TestHintsAreNotStored(t *testing.T) {
	b := New(peer(0))
	b.Told(addr(1), by(1), t0)
	b.Up(peer(1), nil, t0)
	if row := b.Changes()[peer(1)]; row != nil {
		t.Errorf("a row of %d bytes", len(row))
	}
}

func TestMalformedRows(t *testing.T) {
	_, row := rowOf(t)
	for n := range len(row) {
		if err := New(peer(0)).Load(peer(1), row[:n]); !errors.Is(err, ErrRow) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	if err := New(peer(0)).Load(peer(1), append(row[:len(row):len(row)], 0)); !errors.Is(err, ErrRow) {
		t.Errorf("a byte more: %v", err)
	}
}

func FuzzRow(f *testing.F) {
	_, row := rowOf(f)
	f.Add(row)
	f.Fuzz(func(t *testing.T, row []byte) {
		e, err := parseRow(peer(1), row)
		if err != nil {
			return
		}
		again, err := parseRow(peer(1), e.row())
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v\n then %+v, %v", e, again, err)
		}
	})
}
