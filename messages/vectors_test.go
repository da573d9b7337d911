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
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
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
	join := [16]byte([]byte("proof of joining"))
	offers := []Offer{{Lobby: h("t0"), Join: join}, {Lobby: h("t1"), Join: join, Partial: true}, {Lobby: h("t2"), Join: join, Mark: [16]byte([]byte("mark of a state!"))}}
	hello := &Hello{Version: 2, Peer: h("peer"), Caps: []Capability{{Name: CapSync}, {Name: "x-é", Param: []byte{1, 2}}}, MaxFrame: MaxEventsFrame, MaxPages: 1024, More: true, Offers: offers}
	roster := identity.Position{Term: 1, Leg: 2, Size: 300, Root: h("roster")}
	steward := LogState{Log: h("roster log"), Author: h("steward"), PageBytes: identity.RosterPageBytes, Kind: identity.KindRoster, Number: identity.RosterNumber(1, 2), Size: 300, Pages: 9, Head: head}
	cut, forked := state, LogState{Log: h("log"), Author: h("author"), PageBytes: 16384, End: Forked}
	cut.Number, cut.End = 3, EndsAt(990)
	followed := []digest.Hash{h("log"), h("author")}
	slices.SortFunc(followed, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
	return []Message{
		hello,
		&Topics{Answers: 1, Offers: offers[:1]},
		&Topics{Answers: 2},
		&Leave{Topic: 1},
		&Certificate{Topic: 1024, Sealed: []byte("sealed")},
		&Ping{Nonce: 1<<64 - 1, Padding: make([]byte, 32)},
		&Pong{Nonce: 1<<64 - 1},
		&Open{Capability: "x-é", Param: []byte("parameter")},
		&Presence{Topic: 1, Capability: "x-é", Data: []byte("data")},
		&Peaks{Topic: 1, Digest: h("frontier")},
		&Peaks{Topic: 1, Roster: roster, Logs: 100_000, Digest: h("frontier")},
		&Diff{Topic: 0, Rung: RungCursor, More: false, Part: true, Body: []byte{1, 2, 3}, Entries: []LogState{state}},
		&Diff{Rung: RungFrontier, Entries: []LogState{steward, cut, forked}},
		&Diff{Topic: 70000, Rung: RungSketch, More: true, Body: []byte("sketch")},
		&Diff{Rung: RungFrontier},
		&PageRequest{Topic: 2, Log: h("log"), From: 3, Count: 14, Tail: true},
		&PageResponse{Log: h("log"), From: 3, Count: 14, FirstSeq: 180, EndSeq: 980, PageBytes: 16384, Head: head, Right: []digest.Hash{h("r0"), h("r1")}, More: true},
		&PageResponse{Log: h("log"), From: 3, Count: 14, FirstSeq: 180, EndSeq: 980, PageBytes: 16384, Head: head, Images: []RunImage{{Skip: 2, Pages: 1, Bytes: 300}, {Skip: 0, Pages: 5, Bytes: 130}, {Skip: 5, Pages: 1, Bytes: 65535}}},
		&Events{Topic: 2, Log: h("log"), Author: h("author"), PageBytes: 16384, Number: 7, First: 999, Count: 1, Head: head, Records: rec},
		&ProofRequest{Topic: 2, Log: h("log"), Seq: 7, Size: 1000},
		&ProofResponse{Topic: 2, Log: h("log"), Seq: 7, Head: head, Hashes: []digest.Hash{h("p0")}, Leaf: []byte("leaf")},
		&SyncDone{Topic: 1, Roster: roster, Logs: 100_000, Digest: h("frontier"), Leaves: true},
		&Peers{Topic: 1, Addresses: []string{"00ff@192.0.2.1:4242"}},
		&Error{Code: CodeBadPage, Text: "page 7"},
		&Bye{Code: CodeClosing},
		&Fork{Topic: 2, Proof: []byte("xaeroflux fork v2")},
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
		{"CERTIFICATE with nothing sealed", "930401c400", "malformed"},
		{"PING with padding that is not zeros", "930500c40101", "malformed"},
		{"PONG with 257 bytes of padding", "930600c50101" + strings.Repeat("00", 257), "too long"},
		{"OPEN of no name", "9350a0c400", "malformed"},
		{"HELLO with a capability twice", "980102c420" + strings.Repeat("00", 32) + "9292a141c40092a141c4000000c290", "malformed"},
		{"PEAKS with a position of size 0", "95100094000000c420" + strings.Repeat("00", 32) + "00c420" + strings.Repeat("00", 32), "malformed"},
		{"PEAKS with a position of 3 fields", "95100093000001" + "00c420" + strings.Repeat("00", 32), "malformed"},
		{"EVENTS of a log of kind 3", "9c1200c420" + strings.Repeat("00", 32) + "c420" + strings.Repeat("00", 32) + "0c0300", "malformed"},
		{"EVENTS of pages of 2^17 bytes", "9c1200c420" + strings.Repeat("00", 32) + "c420" + strings.Repeat("00", 32) + "110000", "malformed"},
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
		{"PEAKS of topic 2^32", "9510cf00000001000000009000c420" + strings.Repeat("00", 32), "malformed"},
		{"PEAKS with a digest of 31 bytes", "9510009000c41f" + strings.Repeat("00", 31), "malformed"},
		{"PEERS of 4294967295 addresses", "933000ddffffffff", "malformed"},
		{"SUBSCRIBE with one name twice", "931400c440" + strings.Repeat("07", 64), "malformed"},
		{"DIFF of rung 4", "9711" + "0004c2c2c40090", "malformed"},
		{"RANGE_REQUEST to before from", "9718" + "00c420" + strings.Repeat("00", 32) + "0504c200", "malformed"},
		{"RANGE_REQUEST of 2^48 events", "9718" + "00c420" + strings.Repeat("00", 32) + "0500c2cf0001000000000000", "malformed"},
		{"skipped field nested 16 deep", "940c00a0" + strings.Repeat("91", 16) + "01", "too long"},
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
	v := vectors{Comment: "XSP 2 frames: good ones with their fields, and bodies to refuse. Written by go test ./messages -update.", Bad: wrongVectors()}
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
