// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func TestLogRowFlips(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r := randomRow(rng)
		r.Num = rng.Uint32()
		key := numKey(r.Num)
		b := encodeLogRow(&r)
		got, err := decodeLogRow(key[:], b)
		if err != nil || !sameRow(got, r) {
			t.Fatalf("round trip: %v\n%+v\n%+v", err, got, r)
		}
		for i := range b {
			bad := append([]byte(nil), b...)
			bad[i] ^= 1 << rng.IntN(8)
			if _, err := decodeLogRow(key[:], bad); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("flip at %d: %v", i, err)
			}
			if _, err := decodeLogRow(key[:], b[:i]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("cut to %d: %v", i, err)
			}
		}
		key[1]++
		if _, err := decodeLogRow(key[:], b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("under another number: %v", err)
		}
	}
}

// A row with a right checksum and impossible fields is refused too.
func TestLogRowFlaws(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	for i, r := range []LogRow{
		{PageBytes: 0},
		{PageBytes: 5000},
		{PageBytes: 4096, Own: true, Size: 1, SealedSize: 2, SealedPages: 1},
		{PageBytes: 4096, Own: true, Size: 2, SealedSize: 2},
		{PageBytes: 4096, Own: true, Size: 2, SealedPages: 2},
		{PageBytes: 4096, Size: 2, HeadSize: 1},
		{PageBytes: 4096, Own: true, Size: maxSize + 1},
		{PageBytes: 4096, Right: make([]digest.Hash, 1)},
		{PageBytes: 4096, HeadSize: 9, Right: make([]digest.Hash, MaxRight+1)},
		{PageBytes: 4096, Num: 7},
		{PageBytes: 4096, LastTime: 1},
		{PageBytes: 4096, Own: true, Size: 1, LastTime: event.MaxTime + 1},
		{PageBytes: 4096, Own: true, Size: 1, LastTime: -1},
		{PageBytes: 4096, Closed: 10},
		{PageBytes: 4096, Closed: 255},
	} {
		if err := s.Commit(func(tx *Txn) error { return tx.PutLog(&r) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("row %d: %v", i, err)
		}
		if b := encodeLogRow(&r); i != 0 && i != 1 && i != 6 && i != 9 && i != 11 && i != 12 { // the rest can be encoded
			key := numKey(r.Num)
			if _, err := decodeLogRow(key[:], b); !errors.Is(err, ErrCorrupt) {
				t.Errorf("row %d decoded: %v", i, err)
			}
		}
	}
}

func TestSmallRowLimits(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	for i, c := range []struct {
		b     Bucket
		key   int
		value int
		ok    bool
	}{
		{Meta, 0, 0, false}, {Meta, MaxKeyBytes + 1, 0, false}, {dbLogs, 1, 0, false}, {numDBs, 1, 0, false},
		{Meta, 1, MaxValueBytes + 1, false}, {Topics, MaxKeyBytes, MaxValueBytes, true}, {Cursors, 1, 0, true},
	} {
		key, value := make([]byte, c.key), make([]byte, c.value)
		err := s.Commit(func(tx *Txn) error { return tx.Put(c.b, key, value) })
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("put %d: %v", i, err)
		}
		if !c.ok {
			continue
		}
		err = s.View(func(v *View) error {
			if b, ok, err := v.Get(c.b, key); err != nil || !ok || len(b) != c.value {
				t.Errorf("get %d: %d bytes, %v, %v", i, len(b), ok, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestForEachPrefix(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	for _, k := range []string{"a", "ab", "abc", "b", "ac"} {
		put(t, s, k, k)
	}
	for prefix, want := range map[string]string{"": "a ab abc ac b ", "ab": "ab abc ", "b": "b ", "c": "", "aa": ""} {
		got := ""
		err := s.View(func(v *View) error {
			return v.ForEach(Meta, []byte(prefix), func(k, _ []byte) error { got += string(k) + " "; return nil })
		})
		if err != nil || got != want {
			t.Errorf("prefix %q: %q, %v; want %q", prefix, got, err, want)
		}
	}
}

func TestChunkFlips(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var records []byte
	for _, r := range randomRecords(rng, 5, 40) {
		records = append(records, r...)
	}
	c := chunk{7, 100, 5, records}
	key := chunkKey(c.num, c.first)
	b := make([]byte, chunkHeader+len(records))
	c.fill(key[:], b)
	if got, err := decodeChunk(key[:], b); err != nil || got.end() != 105 {
		t.Fatalf("round trip: %+v, %v", got, err)
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 1 << rng.IntN(8)
		if _, err := decodeChunk(key[:], bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("flip at %d: %v", i, err)
		}
	}
	for i := range key {
		bad := key
		bad[i] ^= 1
		if _, err := decodeChunk(bad[:], b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("flip in key at %d: %v", i, err)
		}
	}
}

// TestTrimOverDamage trims a chunk whose checksum is wrong once the next one
// bounds it, and not before.
func TestTrimOverDamage(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	for i := range uint64(3) {
		if err := s.Commit(func(tx *Txn) error { return tx.AppendEvents(1, i, sized(nil, i), 1) }); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Commit(func(tx *Txn) error {
		key := chunkKey(1, 1)
		return tx.fail(tx.tx.Put(s.dbs[dbEvents], key[:], make([]byte, chunkHeader+event.HeaderBytes), 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(v *View) error { return v.Events(1, 0, 3, func(uint64, int, []byte) error { return nil }) }
	if err := s.View(read); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("read over damage: %v", err)
	}
	for upTo, chunks := range []uint64{3, 2, 1, 0} {
		if err := s.Commit(func(tx *Txn) error { return tx.TrimEvents(1, uint64(upTo)) }); err != nil {
			t.Fatalf("trim to %d: %v", upTo, err)
		}
		if st, err := s.Stats(); err != nil || st.Chunks != chunks {
			t.Fatalf("trim to %d left %d chunks, %v; want %d", upTo, st.Chunks, err, chunks)
		}
	}
}

func FuzzLogRow(f *testing.F) {
	r := randomRow(rand.New(rand.NewPCG(1, 2)))
	key := numKey(r.Num)
	f.Add(encodeLogRow(&r))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 { // past the checksum
			b = append([]byte(nil), b...)
			sum := logRowSum(key[:], b)
			b[0], b[1], b[2], b[3] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		}
		if r, err := decodeLogRow(key[:], b); err == nil && string(encodeLogRow(&r)) != string(b) {
			t.Fatalf("%x decodes but encodes as %x", b, encodeLogRow(&r))
		}
	})
}

func FuzzChunk(f *testing.F) {
	c := chunk{1, 2, 1, sized(nil, 0)}
	key := chunkKey(1, 2)
	b := make([]byte, chunkHeader+len(c.records))
	c.fill(key[:], b)
	f.Add(b, uint64(2), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, from, to uint64) {
		if len(b) >= 4 {
			b = append([]byte(nil), b...)
			sum := chunkSum(key[:], b)
			b[0], b[1], b[2], b[3] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		}
		c, err := decodeChunk(key[:], b)
		if err != nil || from < c.first || to > c.end() || from >= to {
			return
		}
		if part, err := c.cut(from, to); err == nil && (part.first != from || part.end() != to) {
			t.Fatalf("cut [%d, %d) gave [%d, %d)", from, to, part.first, part.end())
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add(make([]byte, 100), uint16(pageLeaf), uint16(18), uint16(4000))
	f.Fuzz(func(t *testing.T, data []byte, flags, lower, upper uint16) {
		b := make([]byte, 4096)
		copy(b[pageHeader:], data)
		native.PutUint16(b[10:], flags)
		native.PutUint16(b[12:], lower)
		native.PutUint16(b[14:], upper)
		nodes, flaw := parseNodes(b, nil)
		if flaw != "" {
			return
		}
		used := 0
		for _, n := range nodes {
			used += n.size
		}
		if used != len(b)-int(upper) {
			t.Fatalf("nodes of %d bytes in %d", used, len(b)-int(upper))
		}
	})
}

// FuzzPrecheck changes a few bytes of a real file.
func FuzzPrecheck(f *testing.F) {
	dir := f.TempDir()
	s := mustOpen(f, dir, Options{})
	for i := range 40 {
		put(f, s, fmt.Sprint(i), strings.Repeat("x", i*100))
	}
	mustClose(f, s)
	golden, err := os.ReadFile(filepath.Join(dir, dataFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{1, 2, 3, 4}, uint32(0))
	f.Add([]byte{0, 16, 0, 4}, uint32(5000))
	f.Fuzz(func(t *testing.T, changes []byte, cut uint32) {
		file := append([]byte(nil), golden...)
		for ; len(changes) >= 4; changes = changes[4:] {
			at := int(binary.LittleEndian.Uint32(changes)&0xffffff) % len(file)
			file[at] ^= changes[3]
		}
		file = file[:len(file)-int(cut)%len(file)]
		c := checker{f: bytes.NewReader(file), size: int64(len(file))}
		if err := c.run(); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	})
}
