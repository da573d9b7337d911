// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../tests/testdata/vectors/aof.json")

const vectorFile = "../../tests/testdata/vectors/aof.json"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors are what another implementation tests itself with.
type vectors struct {
	Note    string          `json:"note"`
	Logs    []logVector     `json:"logs"`
	Chunks  []chunkVector   `json:"chunks"`
	Rows    []rowVector     `json:"rows"`
	Refused []refusedVector `json:"refused"`
}

type logVector struct {
	Log         digest.Hash   `json:"log"`
	Topic       digest.Hash   `json:"topic"`
	Author      digest.Hash   `json:"author"`
	PageBytes   uint32        `json:"page_bytes"`
	Kind        uint8         `json:"kind"`
	Number      uint64        `json:"number"`
	Own         bool          `json:"own"`
	Frozen      bool          `json:"frozen"`
	Closed      uint8         `json:"closed"`
	Size        uint64        `json:"size"`
	LastTime    int64         `json:"last_time_ms"`
	SealedPages uint64        `json:"sealed_pages"`
	SealedSize  uint64        `json:"sealed_size"`
	HighWater   uint64        `json:"high_water"`
	HeadSize    uint64        `json:"head_size"`
	HeadRoot    digest.Hash   `json:"head_root"`
	HeadSig     hexBytes      `json:"head_signature"`
	Right       []digest.Hash `json:"right"`
	LogNumber   uint32        `json:"log_number"` // in the store
	Key         hexBytes      `json:"key"`
	Row         hexBytes      `json:"row"`
}

type chunkVector struct {
	LogNumber uint32     `json:"log_number"`
	First     uint64     `json:"first"`
	Records   []hexBytes `json:"records"`
	Key       hexBytes   `json:"key"`
	Row       hexBytes   `json:"row"`
}

// A rowVector is a small row; its value stands behind a checksum.
type rowVector struct {
	Database string   `json:"database"`
	Number   int      `json:"number"`
	Key      hexBytes `json:"key"`
	Value    hexBytes `json:"value"`
	Row      hexBytes `json:"row"`
}

type refusedVector struct {
	What string   `json:"what"`
	Kind string   `json:"kind"` // log, chunk, or the database of a small row
	Key  hexBytes `json:"key"`
	Row  hexBytes `json:"row"`
}

func named(s string) digest.Hash { return digest.Sum([]byte(s)) }

func makeVectors(t *testing.T) vectors {
	t.Helper()
	v := vectors{Note: "written by go test ./aof -run Vectors -update; a hash that nothing explains is the SHA-256 of a word"}
	v.makeLogs()
	v.makeChunks(t)
	for _, b := range []Bucket{Topics, Peers, Cursors, Meta, Ranges, IDs} {
		key, value := []byte(b.String()+" key"), []byte(b.String()+" value")
		v.Rows = append(v.Rows, rowVector{b.String(), int(b), key, value, sealRow(int(b), key, value)})
	}
	for _, key := range []*identity.StoreKey{nil, identity.Seed(named("seed")).StoreKey()} {
		v.Rows = append(v.Rows, rowVector{"format", dbFormat, formatKey, formatOf(key), sealRow(dbFormat, formatKey, formatOf(key))})
	}
	log, chunk, row := v.Logs[1], v.Chunks[1], v.Rows[0]
	refuse := func(what, kind string, key, row []byte, at int) {
		b := bytes.Clone(row)
		b[at] ^= 1
		v.Refused = append(v.Refused, refusedVector{what, kind, key, b})
	}
	refuse("checksum", "log", log.Key, log.Row, 0)
	refuse("another size", "log", log.Key, log.Row, 103)
	refuse("checksum", "chunk", chunk.Key, chunk.Row, 0)
	refuse("another record", "chunk", chunk.Key, chunk.Row, 20)
	refuse("another value", "topics", row.Key, row.Value, 0)
	v.Refused = append(v.Refused,
		refusedVector{"another key", "log", v.Logs[0].Key, log.Row}, refusedVector{"a hash less", "log", log.Key, log.Row[:len(log.Row)-32]},
		refusedVector{"another key", "chunk", v.Chunks[0].Key, chunk.Row}, refusedVector{"of another database", "peers", row.Key, row.Row})
	return v
}

func (v *vectors) makeLogs() {
	base := LogRow{Topic: named("topic"), Author: named("author"), PageBytes: 16384, Num: 1}
	other := base
	other.Num, other.Size, other.LastTime, other.HeadSize, other.HeadRoot = 7, 5, 1700000000000, 7, named("root")
	copy(other.HeadSig[:], bytes.Repeat([]byte{0x5a}, 64))
	other.Right = []digest.Hash{named("r0"), named("r1")}
	own := other
	own.Own, own.Num, own.Size, own.SealedPages, own.SealedSize, own.HighWater, own.Right = true, 1<<32-1, 1<<48-1, 9, 900, 1<<48-1, nil
	roster := other
	roster.Kind, roster.Number, roster.PageBytes = identity.KindRoster, identity.RosterNumber(1, 2), 4096
	roster.Frozen, roster.Closed = true, event.BadBody
	for _, r := range []LogRow{base, other, own, roster} {
		r.ID = r.Name().ID()
		key := numKey(r.Num)
		v.Logs = append(v.Logs, logVector{
			r.ID, r.Topic, r.Author, r.PageBytes, uint8(r.Kind), r.Number, r.Own, r.Frozen, uint8(r.Closed), r.Size, r.LastTime, r.SealedPages,
			r.SealedSize, r.HighWater, r.HeadSize, r.HeadRoot, r.HeadSig[:], append([]digest.Hash{}, r.Right...), r.Num, key[:], encodeLogRow(&r),
		})
	}
}

func (v *vectors) makeChunks(t *testing.T) {
	t.Helper()
	for n := 1; n <= 2; n++ {
		x := chunkVector{LogNumber: uint32(n), First: uint64(n-1) << 40}
		c := chunk{num: x.LogNumber, first: x.First, count: n}
		for i := range n {
			rec, err := event.AppendRecord(nil, event.Event{Type: "note", Key: []byte("k"), Payload: []byte{byte(i)}}, 1700000000000, 0)
			if err != nil {
				t.Fatal(err)
			}
			x.Records, c.records = append(x.Records, rec), append(c.records, rec...)
		}
		key := chunkKey(c.num, c.first)
		x.Key, x.Row = key[:], make([]byte, chunkHeader+len(c.records))
		c.fill(x.Key, x.Row)
		v.Chunks = append(v.Chunks, x)
	}
}

func TestVectors(t *testing.T) {
	raw, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil || !bytes.Equal(b, raw) {
		t.Fatalf("the vectors are others (%v)", err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, x := range v.Logs {
		if r, err := decodeLogRow(x.Key, x.Row); err != nil || r.ID != x.Log || !bytes.Equal(encodeLogRow(&r), x.Row) {
			t.Errorf("log row %d: %v", x.LogNumber, err)
		}
	}
	for _, x := range v.Chunks {
		if c, err := decodeChunk(x.Key, x.Row); err != nil || c.first != x.First || c.count != len(x.Records) {
			t.Errorf("chunk of log %d: %v", x.LogNumber, err)
		}
	}
	for _, x := range v.Refused {
		if x.err() == nil {
			t.Errorf("%s, %s: taken", x.Kind, x.What)
		}
	}
}

func (x *refusedVector) err() (err error) {
	switch x.Kind {
	case "log":
		_, err = decodeLogRow(x.Key, x.Row)
	case "chunk":
		_, err = decodeChunk(x.Key, x.Row)
	case "topics":
		_, err = openRow(Topics, x.Key, x.Row)
	case "peers":
		_, err = openRow(Peers, x.Key, x.Row)
	}
	return err
}
