// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import "github.com/PowerDNS/lmdb-go/lmdb"

// DropLog deletes a log with its events. Its number may be given to another one.
func (t *Txn) DropLog(r *LogRow) error {
	if err := t.DropEventsFrom(r.Num, 0); err != nil {
		return err
	}
	key := numKey(r.Num)
	for db, k := range map[int][]byte{dbLogs: key[:], dbLogIDs: r.ID[:]} {
		if err := t.tx.Del(t.s.dbs[db], k, nil); err != nil && !lmdb.IsNotFound(err) {
			return t.fail(err)
		}
	}
	return nil
}
