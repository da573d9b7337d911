// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// rowOf makes an entry that uses every field.
func rowOf(t testing.TB) (*Book, []byte) {
	b := New(peer(0))
	b.Told(addr(1), peer(1))
	b.Told(identity.Address{Peer: peer(1), Host: "[2001:db8::1]:443"}, peer(2))
	b.Proved(addr(1), t0)
	b.Up(peer(1), []digest.Hash{topic, digest.Sum([]byte("another"))}, t0)
	b.Down(peer(1), time.Second, errOops, t0.Add(time.Minute), 0.25)
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
	if x, y := b.peers[peer(1)], again.peers[peer(1)]; !reflect.DeepEqual(x, y) {
		t.Errorf("\n have %+v\n want %+v", y, x)
	}
	b.Forget(peer(1))
	if rows := b.Changes(); len(rows) != 1 || rows[peer(1)] != nil {
		t.Errorf("forgotten: %v", rows)
	}
}

// What was only heard of is not written to disk.
func TestHintsAreNotStored(t *testing.T) {
	b := New(peer(0))
	b.Told(addr(1), peer(1))
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
