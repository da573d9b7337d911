// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A StrangeRow is one that its table does not take, or that no table claims.
type StrangeRow struct {
	Bucket     Bucket
	Key, Value []byte
	Err        error
}

// Strange looks at every small row but those of ranges, which are checked
// with what proves them.
func Strange(v *View) (all []StrangeRow, err error) {
	for _, name := range layout.Buckets() {
		bucket := BucketNamed(name)
		if bucket == Ranges {
			continue
		}
		err = v.ForEach(bucket, nil, func(key, value []byte) error {
			if err := layout.Check(name, key, value); err != nil {
				all = append(all, StrangeRow{bucket, bytes.Clone(key), bytes.Clone(value), err})
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	return all, err
}
