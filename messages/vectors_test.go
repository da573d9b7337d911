// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
)

var update = flag.Bool("update", false, "write ../tests/testdata/vectors/xsp.json")

const vectorFile = "../tests/testdata/vectors/xsp.json"

// vectors are what another implementation tests itself with. Bytes and hashes
// are in hexadecimal.
type vectors struct {
	Comment string        `json:"comment"`
	Good    []goodVector  `json:"good"`
	Bad     []wrongVector `json:"bad"`
}

type goodVector struct {
	Type   string         `json:"type"`
	Fields map[string]any `json:"fields"`
	Frame  string         `json:"frame"`
}

type wrongVector struct {
	What  string `json:"what"`
	Body  string `json:"body"`
	Error string `json:"error"`
}

var vectorErrors = map[string]error{"malformed": ErrMalformed, "too long": ErrTooLong, "unknown type": ErrUnknownType}

// vectorMessages are fixed values that use every field.
func vectorMessages() []Message {
	h := func(s string) digest.Hash { return digest.Sum([]byte(s)) }
	head := Head{Size: 1000, Root: h("root")}
	copy(head.Sig[:], bytes.Repeat([]byte{0x5a}, 64))
	rec, err := event.AppendRecord(nil, event.Event{Type: "note", Key: []byte("k"), Payload: []byte("hello")}, 1_700_000_000_000, 0)
	if err != nil {
		panic(err)
	}
	state := LogState{Log: h("log"), Author: h("author"), PageBytes: 16384, Size: 990, Pages: 17, Head: head}
	hello := &Hello{Version: 1, Peer: h("peer"), Caps: []string{CapSync, "x-é"}, Topics: []TopicProof{{Proof: h("t0")}, {Proof: h("t1"), Partial: true}, {Proof: h("t2"), State: [16]byte([]byte("mark of a state!"))}}, MaxFrame: MaxEventsFrame, MaxPages: 1024}
	copy(hello.Instance[:], "instance instance")
	followed := []digest.Hash{h("log"), h("author")}
	slices.SortFunc(followed, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
	return []Message{
		hello,
		&Peaks{Topic: 1, Logs: 100_000, Digest: h("frontier")},
		&Diff{Topic: 0, Rung: RungCursor, More: false, Part: true, Body: []byte{1, 2, 3}, Entries: []LogState{state}},
		&Diff{Topic: 1023, Rung: RungSketch, More: true, Body: []byte("sketch")},
		&Diff{Rung: RungFrontier},
		&PageRequest{Topic: 2, Log: h("log"), From: 3, Count: 14, Tail: true},
		&PageResponse{Log: h("log"), From: 3, Count: 14, FirstSeq: 180, EndSeq: 980, PageBytes: 16384, Head: head, Right: []digest.Hash{h("r0"), h("r1")}, More: true},
		&Events{Topic: 2, Log: h("log"), Author: h("author"), PageBytes: 16384, First: 999, Count: 1, Head: head, Records: rec},
		&ProofRequest{Topic: 2, Log: h("log"), Seq: 7, Size: 1000},
		&ProofResponse{Topic: 2, Log: h("log"), Seq: 7, Head: head, Hashes: []digest.Hash{h("p0")}, Leaf: []byte("leaf")},
		&SyncDone{Topic: 1, Logs: 100_000, Digest: h("frontier"), Leaves: true},
		&Peers{Topic: 1, Addresses: []string{"00ff@192.0.2.1:4242"}},
		&Error{Code: CodeBadPage, Text: "page 7"},
		&Bye{Code: CodeClosing},
		&Fork{Topic: 2, Proof: []byte("xaeroflux fork v1")},
		&CosignRequest{Topic: 2, Log: h("log"), Size: 1000, Root: h("root")},
		&CosignResponse{Topic: 2, Log: h("log"), Size: 1000, Root: h("root"), Witness: h("witness"), Time: 1_700_000_000, Sig: head.Sig},
		&Subscribe{Topic: 1, Names: followed},
		&RangeRequest{Topic: 2, Log: h("log"), From: 900, To: 1000, Newest: true, Limit: 100},
		&RangeResponse{Log: h("log"), Author: h("author"), PageBytes: 16384, First: 7, Count: 1, Head: head, Left: []digest.Hash{h("l0"), h("l1"), h("l2")}, Right: []digest.Hash{h("r0")}, Records: rec},
		&Have{Topic: 1, Logs: []LogSize{{h("log"), 1000}}},
		&Prune{Topic: 1},
		&Graft{Topic: 1, Logs: []LogHeld{{h("log"), 990, 17}}},
	}
}

func wrongVectors() []wrongVector {
	return []wrongVector{
		{"no array", "0c00a0", "malformed"},
		{"empty array", "90", "malformed"},
		{"BYE with one field", "920c00", "malformed"},
		{"BYE with a byte after it", "930c00a000", "malformed"},
		{"BYE whose code is negative", "930cffa0", "malformed"},
		{"BYE whose code is nil", "930cc0a0", "malformed"},
		{"BYE whose code is 65536", "930cce00010000a0", "malformed"},
		{"BYE whose text is a bin", "930c00c400", "malformed"},
		{"BYE whose text is no UTF-8", "930c00a1ff", "malformed"},
		{"BYE whose text is 4 GiB", "930c00dbffffffff", "too long"},
		{"type 0", "9100", "malformed"},
		{"type 127, which must be known", "917f", "unknown type"},
		{"PEAKS of topic 1024", "9402cd040000c420" + string(bytes.Repeat([]byte("00"), 32)), "malformed"},
		{"PEAKS with a digest of 31 bytes", "94020000c41f" + string(bytes.Repeat([]byte("00"), 31)), "malformed"},
		{"PEERS of 4294967295 addresses", "930a00ddffffffff", "malformed"},
		{"SUBSCRIBE with one name twice", "931000c440" + string(bytes.Repeat([]byte("07"), 64)), "malformed"},
		{"DIFF of rung 4", "9703" + "0004c2c2c40090", "malformed"},
		{"RANGE_REQUEST to before from", "9711" + "00c420" + string(bytes.Repeat([]byte("00"), 32)) + "0504c200", "malformed"},
		{"RANGE_REQUEST of 2^48 events", "9711" + "00c420" + string(bytes.Repeat([]byte("00"), 32)) + "0500c2cf0001000000000000", "malformed"},
		{"skipped field nested 16 deep", "940c00a0" + string(bytes.Repeat([]byte("91"), 16)) + "01", "too long"},
	}
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	ms := vectorMessages()
	if len(v.Good) != len(ms) || len(v.Bad) != len(wrongVectors()) {
		t.Fatalf("%d and %d vectors, want %d and %d", len(v.Good), len(v.Bad), len(ms), len(wrongVectors()))
	}
	for i, g := range v.Good {
		if got := hex.EncodeToString(mustFrame(t, ms[i])); got != g.Frame {
			t.Errorf("%s: frame %s, want %s", g.Type, got, g.Frame)
		}
		frame, _ := hex.DecodeString(g.Frame)
		m, err := Decode(frame[4:])
		if err != nil || m.Type().String() != g.Type || !sameJSON(t, plain(reflect.ValueOf(m)), g.Fields) {
			t.Errorf("%s: %v, decoded %+v", g.Type, err, m)
		}
	}
	for _, w := range v.Bad {
		body, err := hex.DecodeString(w.Body)
		if err != nil {
			t.Fatalf("%s: %v", w.What, err)
		}
		if m, err := Decode(body); !errors.Is(err, vectorErrors[w.Error]) {
			t.Errorf("%s: %v, %v; want %s", w.What, m, err, w.Error)
		}
	}
}

func writeVectors(t *testing.T) {
	v := vectors{Comment: "XSP 1 frames: good ones with their fields, and bodies to refuse. Written by go test ./messages -update.", Bad: wrongVectors()}
	for _, m := range vectorMessages() {
		v.Good = append(v.Good, goodVector{m.Type().String(), plain(reflect.ValueOf(m)).(map[string]any), hex.EncodeToString(mustFrame(t, m))})
	}
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plain turns a message into what JSON shows: bytes as hexadecimal.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return plain(v.Elem())
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			m[v.Type().Field(i).Name] = plain(v.Field(i))
		}
		return m
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return hex.EncodeToString(b)
		}
		list := []any{}
		for i := range v.Len() {
			list = append(list, plain(v.Index(i)))
		}
		return list
	}
	return v.Interface()
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var p, q any
	if json.Unmarshal(x, &p) != nil || json.Unmarshal(y, &q) != nil {
		t.Fatal("JSON of our own does not parse")
	}
	return reflect.DeepEqual(p, q)
}
