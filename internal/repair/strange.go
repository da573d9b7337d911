// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// dropStrange deletes such rows, so that the store can be opened, and keeps them
// aside. A topic stays: its keys are nowhere else.
func (s *rows) dropStrange() error {
	var all []aof.StrangeRow
	err := s.aof.View(func(v *aof.View) (err error) {
		all, err = aof.Strange(v)
		return err
	})
	var kept []byte
	for _, r := range all {
		kept = append(kept, layout.AsideLine(r.Bucket.String(), r.Key, r.Value)...)
	}
	if err != nil || len(all) == 0 {
		return err
	}
	if err := s.r.files.Write(layout.AsideRowsName, kept); err != nil {
		return err
	}
	s.dropped = map[*layout.Kind]bool{}
	return s.aof.Commit(func(t *aof.Txn) error {
		for _, r := range all {
			if r.Bucket == aof.Topics {
				continue
			}
			if err := t.Delete(r.Bucket, r.Key); err != nil {
				return err
			}
			s.dropped[layout.KindOf(r.Bucket.String(), r.Key)] = true
			s.r.done(digest.Hash{}, "%s", fmt.Sprintf("a row set aside: %v", r.Err))
		}
		return nil
	})
}
