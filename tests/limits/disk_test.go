// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Small logs take little more room than what they hold. Of 60 KB, 45 lie in
// pages of 16 KiB, for which there are 52 KiB of segment, 4 of tree, 4 of mountains
// and 4 of a head, and on most disks 4 of a directory.
func TestRoomOfSmallLogs(t *testing.T) {
	dir, n := room(t), scaled(100)
	if large := os.Getenv("XAEROFLUX_LIMITS_DIR"); large != "" { // a disk, whose blocks and directories count
		var err error
		dir, err = os.MkdirTemp(large, "room")
		must(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	db := open(t, dir, nil)
	for _, topic := range topics(t, db, n) {
		_, err := topic.AppendBatch(ctx, events(60))
		must(t, err)
	}
	must(t, db.Close())
	payload := int64(n) * 60 * 1000
	all, aof := diskBytes(t, dir), diskBytes(t, filepath.Join(dir, "aof"))
	files := all - aof // a quarter of each log is in the AOF
	began := time.Now()
	db = open(t, dir, nil)
	t.Logf("%d logs of 60 KB: %d bytes, %.2f times the payload, %d of them the AOF; opened in %v", n, all, float64(all)/float64(payload), aof, time.Since(began))
	if files > payload*5/4 {
		t.Errorf("files of %d bytes for %d of payload", files, payload)
	}
	if n >= 1000 && all > payload*3/2 { // free pages of the AOF are most of it in a store of a few
		t.Errorf("%d bytes on disk for %d of payload", all, payload)
	}
	whole(t, db, dir)
}
