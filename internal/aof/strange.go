// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A StrangeRow is one that its table does not take, or that no table claims. Value is
// as it lies in the file: what is sealed stays so.
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
		err = v.each(int(bucket), nil, func(key, raw []byte) error {
			lies, err := openRow(bucket, key, raw)
			if err != nil {
				return err
			}
			value, err := v.s.openValue(bucket, key, lies)
			if errors.Is(err, ErrNoKey) {
				return nil
			}
			if err == nil {
				err = layout.Check(name, key, value)
			}
			if err != nil {
				all = append(all, StrangeRow{bucket, bytes.Clone(key), bytes.Clone(lies), err})
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	return all, err
}
