// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// putOf is the write that stores a row.
func putOf[K, V any](t *layout.Table[K, V], k K, v V) *Put {
	return &Put{Bucket: aof.BucketOf(t.Kind), Key: t.Key(k), Value: t.Value(v)}
}

// deleteOf is the write that deletes a row.
func deleteOf[K, V any](t *layout.Table[K, V], k K) *Put {
	return &Put{Bucket: aof.BucketOf(t.Kind), Key: t.Key(k)}
}
