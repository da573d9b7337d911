// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

var update = flag.Bool("update", false, "write ../tests/testdata/vectors/sessions.json")

const vectorFile = "../tests/testdata/vectors/sessions.json"

// sessionVectors are what follows from inputs in a session. Bytes are in
// hexadecimal; numbers that may be above 2^53 are decimal text.
type sessionVectors struct {
	Comment     string              `json:"comment"`
	Offers      []offerVector       `json:"offers"`
	Certificate []certificateVector `json:"certificates"`
	Round       roundVector         `json:"round"`
}

type offerVector struct {
	Lobby   string         `json:"lobby_key"`
	Join    string         `json:"join_key"`
	Topic   string         `json:"topic_id"`
	Binding string         `json:"binding"`
	Dialer  bool           `json:"dialer"`
	Roster  map[string]any `json:"roster"`
	Logs    uint64         `json:"logs"`
	Digest  string         `json:"digest"`

	LobbyProof string `json:"lobby_proof"`
	JoinProof  string `json:"join_proof"`
	Mark       string `json:"mark"`
}

type certificateVector struct {
	Lobby   string `json:"lobby_key"`
	Binding string `json:"binding"`
	Dialer  bool   `json:"dialer"`
	Number  uint32 `json:"number"`
	Body    string `json:"body"`
	Sealed  string `json:"sealed"`
}

type roundVector struct {
	Binding string      `json:"binding"`
	Topic   string      `json:"topic_id"`
	Number  uint64      `json:"number"`
	Salt    string      `json:"salt"`
	Logs    []logVector `json:"logs"`
	Items   []string    `json:"items"`        // increasing
	Symbols string      `json:"symbols_body"` // eight, from index 0
	List    string      `json:"items_body"`
	Answer  string      `json:"answer_body"` // of all five
	Cursor  string      `json:"cursor_body"` // the same, since the digest of all five
	Ask     string      `json:"ask_body"`    // for 20 symbols
	Next    string      `json:"next_body"`
}

type logVector struct {
	Log   string `json:"log"`
	Size  uint64 `json:"size"`
	Root  string `json:"root"`
	Short string `json:"short_id"`
	Item  string `json:"item"`
}

func makeVectors(t *testing.T) sessionVectors {
	x := func(b []byte) string { return hex.EncodeToString(b) }
	named := func(s string) digest.Hash { return digest.Sum([]byte(s)) }
	v := sessionVectors{Comment: "What follows from inputs in a session of XSP 2. Written by go test ./syncer -run Vectors -update."}
	keys := identity.TopicKeys{Lobby: identity.Secret(named("lobby")), Join: identity.Secret(named("join"))}
	topic, binding := named("topic"), named("binding")
	prover := keys.Prover(topic)
	set := digest.Set{Count: 5, Sum: named("digest")}
	for i, p := range []identity.Position{{}, {Term: 1, Leg: 2, Size: 1<<48 - 1, Root: named("root")}} {
		for _, dialer := range []bool{true, false} {
			o, mark := OfferOf(prover, binding[:], dialer), prover.StateMark(binding[:], dialer, p, set)
			v.Offers = append(v.Offers, offerVector{
				x(keys.Lobby[:]), x(keys.Join[:]), x(topic[:]), x(binding[:]), dialer,
				map[string]any{"term": p.Term, "leg": p.Leg, "size": p.Size, "root": x(p.Root[:])}, set.Count, x(set.Sum[:]),
				x(o.Lobby[:]), x(o.Join[:]), x(mark[:]),
			})
			body := fmt.Appendf(nil, "certificate %d", i)
			sealed, err := SealCertificate(keys.Lobby, binding[:], dialer, uint32(i*1000), body)
			if err != nil {
				t.Fatal(err)
			}
			v.Certificate = append(v.Certificate, certificateVector{x(keys.Lobby[:]), x(binding[:]), dialer, uint32(i * 1000), x(body), x(sealed)})
		}
	}
	v.Round = makeRound(x, named, topic, binding)
	return v
}

func makeRound(x func([]byte) string, named func(string) digest.Hash, id, binding digest.Hash) roundVector {
	s := New(Config{Binding: binding[:]})
	salt := s.salt(&topic{id: id, rounds: 3})
	r := roundVector{Binding: x(binding[:]), Topic: x(id[:]), Number: 3, Salt: x(salt[:])}
	var items []uint64
	var states []messages.ShortState
	for i := range uint64(5) {
		log, root, size := named(fmt.Sprint("log ", i)), named(fmt.Sprint("root ", i)), 1+i*i*300_000
		short := shortID(salt, log)
		item := itemOf(salt, short, size, root)
		items, states = append(items, item), append(states, messages.ShortState{ID: short, Size: size})
		r.Logs = append(r.Logs, logVector{x(log[:]), size, x(root[:]), fmt.Sprint(short), fmt.Sprint(item)})
	}
	slices.Sort(items)
	messages.SortStates(states)
	for _, i := range items {
		r.Items = append(r.Items, fmt.Sprint(i))
	}
	body := func(b messages.Body) string { return x(messages.EncodeBody(3, b)) }
	r.Symbols = body(&messages.SymbolsBody{Salt: salt, Items: 5, Symbols: sketch.NewEncoder(salt, items).Next(8)})
	r.List = body(&messages.ItemsBody{Salt: salt, Items: items})
	r.Answer = body(&messages.AnswerBody{Logs: states})
	r.Cursor = body(&messages.CursorBody{Salt: salt, Since: digest.Set{Count: 5, Sum: named("digest")}, Logs: states})
	r.Ask, r.Next = body(&messages.AskBody{Symbols: 20}), body(&messages.NextBody{})
	return r
}

func TestSessionVectors(t *testing.T) {
	want := makeVectors(t)
	if *update {
		raw, err := json.MarshalIndent(want, "", "  ")
		if err == nil {
			err = os.WriteFile(vectorFile, append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.MarshalIndent(want, "", "  ")
	if string(raw) != string(again)+"\n" {
		t.Errorf("%s is not what follows from its inputs", vectorFile)
	}
	slowRound(t, want.Round)
}

// slowRound computes a round's ids and items as the document says them.
func slowRound(t *testing.T, r roundVector) {
	un := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	salt := digest.Tagged("xaeroflux sketch salt v1", un(r.Binding), un(r.Topic), binary.LittleEndian.AppendUint64(nil, r.Number))
	if hex.EncodeToString(salt[:16]) != r.Salt {
		t.Errorf("salt %x, want %s", salt[:16], r.Salt)
	}
	for _, l := range r.Logs {
		h := digest.Sum(append(un(r.Salt), un(l.Log)...))
		short := binary.BigEndian.Uint64(h[:]) >> 24
		le := func(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
		mix := (le(un(l.Root)) ^ le(un(r.Salt))) * (le(un(r.Salt)[8:]) | 1)
		item := short<<24 | l.Size%(1<<20)<<4 | mix>>60
		if got := []string{fmt.Sprint(short), fmt.Sprint(item)}; !reflect.DeepEqual(got, []string{l.Short, l.Item}) {
			t.Errorf("log %s: %v, want %s and %s", l.Log, got, l.Short, l.Item)
		}
	}
}
