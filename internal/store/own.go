// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
)

// OwnLogs returns the logs that this store appends to and of which it is stored that
// they do not go on. behind, if it is not nil, says what was heard since it was opened.
func (s *Store) OwnLogs(behind func(log digest.Hash) (known uint64, is bool)) (all []findings.OwnLog) {
	for _, t := range s.Topics() {
		o := findings.OwnLog{Topic: t.ID, Log: t.Log}
		backup, unmet := s.Unmet(t.ID)
		switch {
		case s.Fork(t.Log) != nil:
			o.State = findings.OwnForked
		case behind != nil && isBehind(behind, &o):
			o.State = findings.OwnBehind
		case unmet:
			o.State, o.Backup = findings.OwnUnmet, backup
		default:
			continue
		}
		if l, err := s.Log(t.Log); err == nil {
			o.Held = l.Whole().Size
		}
		all = append(all, o)
	}
	return all
}

func isBehind(behind func(digest.Hash) (uint64, bool), o *findings.OwnLog) (is bool) {
	o.Known, is = behind(o.Log)
	return is
}
