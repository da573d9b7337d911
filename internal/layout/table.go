// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
)

// A Salvage says what a repair that makes a new AOF does with the rows of a kind.
// Those it finds in the damaged one can be of any age, and need not be all of them.
type Salvage uint8

// Actions of a repair. A kind without one of these is a mistake.
const (
	Keep    Salvage = iota + 1 // as it is, if it can be decoded; of two under one key the newer
	Weigh                      // it is read, and what is written follows from it and from others
	Rebuild                    // it follows from the events, and is made again from them
	GiveUp                     // it is gone, and Kind.Loss says what that costs
)

// A Kind is what all tables have in common.
type Kind struct {
	Name    string // of a row, for people
	Bucket  string // of the AOF
	Prefix  string // of the keys; "" if the bucket holds nothing else
	Salvage Salvage
	Loss    string // for people, what it costs that rows are gone; "" if nothing that is to be seen
	// Sealed keeps the values secret on disk: they lie there sealed under the store's
	// key. It is for whatever opens something: keys, seeds, secrets of epochs and
	// invites. Keys of rows are never sealed. Package aof seals and opens, so that
	// tables and their users see the values as they are.
	Sealed bool

	check func(key, value []byte) error
	newer func(key, a, b []byte) bool // of sound rows; nil if all under one key are alike
}

// Check decodes a row and holds what it says against its key. The error is a
// *corrupt.Error.
func (k *Kind) Check(key, value []byte) error { return k.check(key, value) }

// Newer reports whether a row is to be kept and not another under the same key.
func (k *Kind) Newer(key, row, other []byte) bool {
	return k.Check(key, other) != nil || k.newer != nil && k.newer(key, row, other)
}

// claims reports whether a row is of this kind, sound or not.
func (k *Kind) claims(bucket string, key []byte) bool {
	return k.Bucket == bucket && strings.HasPrefix(string(key), k.Prefix)
}

// Place is what a sealed value of this kind is bound to: the bucket, a zero byte and
// the row's key.
func (k *Kind) Place(key []byte) []byte {
	return append(append([]byte(k.Bucket), 0), key...)
}

// flaw says what is wrong with a row.
func (k *Kind) flaw(key []byte, err error) error {
	return &corrupt.Error{Where: "aof, " + k.Bucket, What: fmt.Sprintf("%s under %q", k.Name, key), Err: err}
}

// A Table is one kind of row: how key and value are encoded and decoded. Loading,
// checking and repairing a store use the same table.
type Table[K, V any] struct {
	Kind
	codec[K, V]
}

// A codec encodes and decodes the keys, without their prefix, and the values.
type codec[K, V any] struct {
	key        func(K) []byte
	value      func(V) []byte
	parseKey   func([]byte) (K, error)
	parseValue func(K, []byte) (V, error) // what it returns may point into the value
	// verify, if there is one, is what only a check does, as it costs too much
	// for each opening.
	verify func(K, V) error
	// newer, if rows under one key differ, tells which of two was written later.
	newer func(a, b V) bool
}

func newTable[K, V any](k Kind, c codec[K, V]) *Table[K, V] {
	t := &Table[K, V]{k, c}
	t.check = t.checkRow
	if c.newer != nil {
		t.Kind.newer = t.newerRow
	}
	return t
}

func (t *Table[K, V]) newerRow(key, a, b []byte) bool {
	_, va, errA := t.Parse(key, a)
	_, vb, errB := t.Parse(key, b)
	return errA == nil && (errB != nil || t.codec.newer(va, vb))
}

// Key returns the key of a row.
func (t *Table[K, V]) Key(k K) []byte { return append([]byte(t.Prefix), t.key(k)...) }

// Value returns the value of a row.
func (t *Table[K, V]) Value(v V) []byte { return t.value(v) }

// ParseKey decodes a key. The error is a *corrupt.Error.
func (t *Table[K, V]) ParseKey(key []byte) (k K, err error) {
	rest, ok := strings.CutPrefix(string(key), t.Prefix)
	if !ok {
		return k, t.flaw(key, fmt.Errorf("the key begins otherwise than with %q", t.Prefix))
	}
	if k, err = t.parseKey([]byte(rest)); err != nil {
		err = t.flaw(key, err)
	}
	return k, err
}

// ParseValue decodes the value under a key; what it returns may point into b.
// The error is a *corrupt.Error.
func (t *Table[K, V]) ParseValue(k K, b []byte) (V, error) {
	v, err := t.parseValue(k, b)
	if err != nil {
		err = t.flaw(t.Key(k), err)
	}
	return v, err
}

// Parse decodes a row.
func (t *Table[K, V]) Parse(key, value []byte) (k K, v V, err error) {
	if k, err = t.ParseKey(key); err == nil {
		v, err = t.ParseValue(k, value)
	}
	return k, v, err
}

func (t *Table[K, V]) checkRow(key, value []byte) error {
	k, v, err := t.Parse(key, value)
	if err != nil || t.verify == nil {
		return err
	}
	if err = t.verify(k, v); err != nil {
		err = t.flaw(key, err)
	}
	return err
}
