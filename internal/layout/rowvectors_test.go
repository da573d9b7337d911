// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

var update = flag.Bool("update", false, "write ../../tests/testdata/vectors/store.json")

const rowVectorFile = "../../tests/testdata/vectors/store.json"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// rowVectors are small rows of the AOF, without their checksums.
type rowVectors struct {
	Note    string         `json:"note"`
	Topics  []topicVector  `json:"topics"`
	Moves   []moveVector   `json:"moves"`
	Cursors []cursorVector `json:"cursors"`
	Ranges  []rangeVector  `json:"ranges"`
	IDs     []idVector     `json:"ids"`
	Rows    []smallVector  `json:"rows"`
	Refused []refusedRow   `json:"refused_rows"`
	Closed  []closedVector `json:"closed"`
	Damaged []string       `json:"damaged_closed"`
	Aside   []asideVector  `json:"aside"`
}

type topicVector struct {
	Number  uint32      `json:"number"`
	Topic   digest.Hash `json:"topic"`
	Genesis hexBytes    `json:"genesis"`
	Lobby   digest.Hash `json:"lobby"`
	Join    digest.Hash `json:"join"`
	Account digest.Hash `json:"account"`
	Kept    bool        `json:"kept"`
	Left    bool        `json:"left"`
	Log     digest.Hash `json:"log"`
	Name    string      `json:"name"`
	Key     hexBytes    `json:"key"`
	Value   hexBytes    `json:"value"`
}

type moveVector struct {
	From  digest.Hash `json:"from"`
	To    digest.Hash `json:"to"`
	Time  int64       `json:"time_ms"`
	Why   string      `json:"why"`
	Value hexBytes    `json:"value"`
}

type cursorVector struct {
	Peer   digest.Hash `json:"peer"`
	Topic  digest.Hash `json:"topic"`
	Logs   uint64      `json:"logs"`
	Digest digest.Hash `json:"digest"`
	Use    uint64      `json:"use"`
	Key    hexBytes    `json:"key"`
	Value  hexBytes    `json:"value"`
}

type rangeVector struct {
	Log      digest.Hash   `json:"log"`
	First    uint64        `json:"first"`
	End      uint64        `json:"end"`
	HeadSize uint64        `json:"head_size"`
	HeadRoot digest.Hash   `json:"head_root"`
	HeadSig  hexBytes      `json:"head_signature"`
	Left     []digest.Hash `json:"left"`
	Right    []digest.Hash `json:"right"`
	Records  hexBytes      `json:"records"`
	Key      hexBytes      `json:"key"`
	Value    hexBytes      `json:"value"`
}

type idVector struct {
	Seed  hexBytes    `json:"seed"`
	Topic digest.Hash `json:"topic"`
	ID    hexBytes    `json:"id"`
	Log   digest.Hash `json:"log"`
	Seq   uint64      `json:"sequence"`
	Time  int64       `json:"time_ms"`
	Key   hexBytes    `json:"key"`
	Value hexBytes    `json:"value"`
}

func word(s string) digest.Hash { return digest.Sum([]byte(s)) }

func makeRowVectors(t *testing.T) rowVectors {
	t.Helper()
	v := rowVectors{Note: "written by go test ./internal/layout -run RowVectors -update; a hash that nothing explains is the SHA-256 of a word"}
	v.makeTopics()
	for _, m := range []Move{{From: identity.PeerID(word("a")), To: identity.PeerID(word("b")), Why: "it is another machine"}, {From: identity.PeerID(word("a"))}} {
		m.At = time.UnixMilli(1700000000123)
		v.Moves = append(v.Moves, moveVector{digest.Hash(m.From), digest.Hash(m.To), m.At.UnixMilli(), m.Why, Moves.Value(&m)})
	}
	c := Agreement{digest.Set{Count: 3, Sum: word("digest")}, 1 << 60}
	k := AgreementKey{identity.PeerID(word("peer")), word("topic")}
	v.Cursors = []cursorVector{{digest.Hash(k.Peer), k.Topic, c.Set.Count, c.Set.Sum, c.Use, Agreements.Key(k), Agreements.Value(c)}}
	v.makeRanges(t)
	seed, id := identity.Seed(word("seed")), event.ID{1, 2, 3}
	key, w := IDKey(IDSecret(seed), word("topic"), id), Written{word("log"), 1<<48 - 2, 1700000000123}
	v.IDs = []idVector{{seed[:], word("topic"), id[:], w.Log, w.Seq, w.Time, IDs.Key(key), IDs.Value(w)}}
	v.Rows = smallRows(t)
	v.Refused, v.Closed, v.Damaged, v.Aside = refusedRows(v.Rows), closedVectors(), damagedClosed(), asideVectors()
	return v
}

func (v *rowVectors) makeTopics() {
	for i, name := range []string{"", "die Gärtner", "left"} {
		keys := identity.TopicKeys{Lobby: identity.Secret(word("lobby")), Join: identity.Secret(word("join"))}
		g := &identity.Genesis{
			Policy: identity.PolicyOpen, PageBytes: 4096 << i, Owner: identity.PublicKey(identity.AccountSecret{Secret: identity.Secret(word("owner"))}.Key()),
			LobbyHash: identity.LobbyHash(keys.Lobby), JoinHash: identity.JoinHash(keys.Join),
		}
		identity.Seed(word("seed")).Found(identity.Generation{1}, g)
		topic := &Topic{ID: g.ID(), Num: uint32(i + 1), Genesis: g, Keys: keys, Log: word("log"), Name: name, Kept: i > 0, Left: i > 1}
		if i > 0 {
			topic.Account = identity.AccountSecret{Secret: identity.Secret(word("owner"))}
		}
		v.Topics = append(v.Topics, topicVector{
			topic.Num, topic.ID, g.Append(nil), digest.Hash(keys.Lobby), digest.Hash(keys.Join), digest.Hash(topic.Account.Secret), topic.Kept, topic.Left, topic.Log, name, Topics.Key(topic.Num), Topics.Value(topic),
		})
	}
}

func (v *rowVectors) makeRanges(t *testing.T) {
	t.Helper()
	rec, err := event.AppendRecord(nil, event.Event{Type: "note", Payload: []byte("hello")}, 1700000000000, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := RangeKey{word("log"), 3, 4}
	r := &Range{Records: rec, Head: proof.Head{Size: 5, Root: word("root")}, Left: []digest.Hash{word("l0"), word("l1")}, Right: []digest.Hash{word("r0")}}
	copy(r.Head.Sig[:], bytes.Repeat([]byte{0x5a}, 64))
	v.Ranges = []rangeVector{{
		k.Log, k.First, k.End, r.Head.Size, r.Head.Root, r.Head.Sig[:], r.Left, r.Right, rec, Ranges.Key(k), Ranges.Value(r),
	}}
}

func TestRowVectors(t *testing.T) {
	raw, err := json.MarshalIndent(makeRowVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.WriteFile(rowVectorFile, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(rowVectorFile); err != nil || !bytes.Equal(b, raw) {
		t.Errorf("the vectors are others (%v)", err)
	}
}
