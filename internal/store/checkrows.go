// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A strangeRow is one that its table does not take, or that no table claims.
type strangeRow struct {
	bucket     aof.Bucket
	key, value []byte
	err        error
}

// strangeRows looks at every small row but those of ranges, which are checked
// with what proves them.
func strangeRows(v *aof.View) (all []strangeRow, err error) {
	for _, name := range layout.Buckets() {
		bucket := aof.BucketNamed(name)
		if bucket == aof.Ranges {
			continue
		}
		err = v.ForEach(bucket, nil, func(key, value []byte) error {
			if err := layout.Check(name, key, value); err != nil {
				all = append(all, strangeRow{bucket, bytes.Clone(key), bytes.Clone(value), err})
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	return all, err
}

// dropStrange deletes such rows, so that the store can be opened, and keeps them
// aside. A topic stays: its keys are nowhere else.
func (s *rows) dropStrange() error {
	var all []strangeRow
	err := s.aof.View(func(v *aof.View) (err error) {
		all, err = strangeRows(v)
		return err
	})
	var kept []byte
	for _, r := range all {
		line, err := json.Marshal(map[string]string{"bucket": r.bucket.String(), "key": hex.EncodeToString(r.key), "value": hex.EncodeToString(r.value)})
		if err != nil {
			return err
		}
		kept = append(append(kept, line...), '\n')
	}
	if err != nil || len(all) == 0 {
		return err
	}
	if err := s.r.files.Write("rows.json", kept); err != nil {
		return err
	}
	s.dropped = map[*layout.Kind]bool{}
	return s.aof.Commit(func(t *aof.Txn) error {
		for _, r := range all {
			if r.bucket == aof.Topics {
				continue
			}
			if err := t.Delete(r.bucket, r.key); err != nil {
				return err
			}
			s.dropped[layout.KindOf(r.bucket.String(), r.key)] = true
			s.r.done(digest.Hash{}, "%s", fmt.Sprintf("a row set aside: %v", r.err))
		}
		return nil
	})
}
