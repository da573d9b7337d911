// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var crashLog = digest.Sum([]byte("crash"))

// numbered is an event that tells its own sequence.
func numbered(dst []byte, seq uint64) []byte {
	payload := make([]byte, 20+seq%300)
	binary.LittleEndian.PutUint64(payload, seq)
	dst, err := event.AppendRecord(dst, event.Event{Type: "n", Payload: payload}, 0, 0)
	if err != nil {
		panic(err)
	}
	return dst
}

// commitUntilKilled appends, trims and grows the map, and says each size that
// was acknowledged.
func commitUntilKilled(dir string) error {
	s, err := Open(dir, Options{MapBytes: minMapBytes})
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for {
		var size uint64
		err := s.Commit(func(t *Txn) error {
			size, err = commitSome(t, rng)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println(size)
	}
}

func commitSome(t *Txn, rng *rand.Rand) (uint64, error) {
	r, ok, err := t.Log(crashLog)
	if err != nil {
		return 0, err
	}
	if !ok {
		r = LogRow{ID: crashLog, PageBytes: 4096, Own: true}
		if err := t.PutLog(&r); err != nil {
			return 0, err
		}
	}
	count := 1 + rng.IntN(1000)
	var records []byte
	for i := range count {
		records = numbered(records, r.Size+uint64(i))
	}
	if err := t.AppendEvents(r.Num, r.Size, records, count); err != nil {
		return 0, err
	}
	r.Size += uint64(count)
	if r.Size > 5000 {
		r.SealedSize, r.SealedPages = r.Size-5000, 1
		if err := t.TrimEvents(r.Num, r.SealedSize); err != nil {
			return 0, err
		}
	}
	if err := t.Put(Cursors, []byte("size"), strconv.AppendUint(nil, r.Size, 10)); err != nil {
		return 0, err
	}
	return r.Size, t.PutLog(&r)
}

// TestKill kills a committing process again and again: all it acknowledged is
// there, whole, and the next one goes on from it.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 6 {
		cmd, out := child(t, "commit", dir)
		time.AfterFunc(time.Duration(50+rand.IntN(250))*time.Millisecond, func() { cmd.Process.Kill() })
		acked := uint64(0)
		for out.Scan() {
			n, err := strconv.ParseUint(out.Text(), 10, 64)
			if err != nil {
				t.Fatalf("child said %q", out.Text())
			}
			acked = n
		}
		_ = cmd.Wait()
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.View(func(v *View) error { return wantNumbered(v, acked) }); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		mustClose(t, s)
	}
}

func wantNumbered(v *View, acked uint64) error {
	r, ok, err := v.Log(crashLog)
	if err != nil || !ok || r.Size < acked {
		if !ok && acked == 0 && err == nil {
			return nil
		}
		return fmt.Errorf("log of %d events (%v, %v), acknowledged %d", r.Size, ok, err, acked)
	}
	if c, _, err := v.Get(Cursors, []byte("size")); err != nil || string(c) != strconv.FormatUint(r.Size, 10) {
		return fmt.Errorf("cursor %s, %v; log of %d", c, err, r.Size)
	}
	return v.Events(r.Num, r.SealedSize, r.Size, func(first uint64, count int, records []byte) error {
		for i := range uint64(count) {
			want := numbered(nil, first+i)
			if string(records[:len(want)]) != string(want) {
				return fmt.Errorf("event %d differs", first+i)
			}
			records = records[len(want):]
		}
		return nil
	})
}
