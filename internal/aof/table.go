// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Reader is a View or a Txn.
type Reader interface {
	Get(b Bucket, key []byte) ([]byte, bool, error)
}

// BucketNamed returns the bucket of that name.
func BucketNamed(name string) Bucket {
	i := slices.Index(dbNames[:], name)
	if b := Bucket(i); i >= 0 && b.valid() {
		return b
	}
	panic(fmt.Sprintf("aof: no bucket is named %q", name)) // a mistake in package layout
}

// BucketOf returns the bucket of a kind of rows.
func BucketOf(k layout.Kind) Bucket { return BucketNamed(k.Bucket) }

// Row returns the value of a table's row; what it holds may be borrowed until
// the function of r returns.
func Row[K, V any](r Reader, t *layout.Table[K, V], k K) (v V, found bool, err error) {
	b, found, err := r.Get(BucketOf(t.Kind), t.Key(k))
	if err != nil || !found {
		return v, false, err
	}
	v, err = t.ParseValue(k, b)
	return v, err == nil, err
}

// PutRow stores a row of a table.
func PutRow[K, V any](txn *Txn, t *layout.Table[K, V], k K, v V) error {
	return txn.Put(BucketOf(t.Kind), t.Key(k), t.Value(v))
}

// DeleteRow deletes a row of a table, if it is there.
func DeleteRow[K, V any](txn *Txn, t *layout.Table[K, V], k K) error {
	return txn.Delete(BucketOf(t.Kind), t.Key(k))
}

// EachRow calls fn with the rows of a table in the order of their keys; what it
// is given may be borrowed until fn returns.
func EachRow[K, V any](v *View, t *layout.Table[K, V], fn func(K, V) error) error {
	return EachRowOf(v, t, nil, fn)
}

// EachRowOf is EachRow for the rows whose keys begin with some bytes.
func EachRowOf[K, V any](v *View, t *layout.Table[K, V], begin []byte, fn func(K, V) error) error {
	return v.ForEach(BucketOf(t.Kind), append([]byte(t.Prefix), begin...), func(key, value []byte) error {
		k, row, err := t.Parse(key, value)
		if err != nil {
			return err
		}
		return fn(k, row)
	})
}
