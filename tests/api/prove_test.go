// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A log that is long enough for nodes to be kept in memory: proofs of old and
// new sizes, of the same events again and again, all lead to the right root.
// Then the files under it change, byte by byte: a proof is right or an error.
func TestProofsOfALongLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	storetest.NoLeaks(t)
	db, err := xaeroflux.Open(dir, storetest.Small())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	rnd := rand.New(rand.NewPCG(8, 1))
	var heads []xaeroflux.Head
	for range 18 {
		storetest.MustAppend(t, db, 2000+rnd.IntN(99), "event %d")
		heads = append(heads, db.Head())
	}
	prove := func(seq uint64, head xaeroflux.Head) error {
		p, err := db.Prove(ctx, seq, head.Size)
		if err != nil {
			return err
		}
		r, err := db.Get(ctx, seq)
		if err != nil {
			return err
		}
		if err := xaeroflux.Verify(r, p, head); err != nil {
			t.Fatalf("event %d at size %d: a wrong proof was returned: %v", seq, head.Size, err)
		}
		return nil
	}
	for range 4000 {
		head := heads[rnd.IntN(len(heads))]
		if err := prove(rnd.Uint64N(head.Size), head); err != nil {
			t.Fatal(err)
		}
	}
	flipDerived(t, dir, rnd)
	wrong := 0
	for range 4000 {
		head := heads[rnd.IntN(len(heads))]
		if err := prove(rnd.Uint64N(head.Size), head); errors.Is(err, xaeroflux.ErrCorrupt) {
			wrong++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if wrong == 0 {
		t.Fatal("no proof noticed the flipped bytes")
	}
}

// flipDerived flips a byte in every 200 of the trees and mountains.
func flipDerived(t *testing.T, dir string, rnd *rand.Rand) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".tree") && filepath.Base(filepath.Dir(path)) != "mmr" {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		b := make([]byte, 1)
		for at := int64(4096); at < info.Size(); at += 1 + rnd.Int64N(400) {
			if _, err := f.ReadAt(b, at); err != nil {
				return err
			}
			b[0] ^= 1 << rnd.IntN(8)
			if _, err := f.WriteAt(b, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
