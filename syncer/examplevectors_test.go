// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

const exampleFile = "../tests/testdata/vectors/example.json"

// An example is a whole session, with what it follows from.
type example struct {
	Comment  string           `json:"comment"`
	Session  exampleSession   `json:"session"`
	Messages []exampleMessage `json:"messages"`
}

type exampleSession struct {
	Binding string         `json:"binding"`
	Topic   string         `json:"topic_id"`
	Lobby   string         `json:"lobby_key"`
	Join    string         `json:"join_key"`
	Page    int            `json:"page_bytes"`
	Peers   [2]examplePeer `json:"peers"` // the first one dialed
}

type examplePeer struct {
	Name   string         `json:"name"`
	Peer   string         `json:"peer"`
	Key    string         `json:"key_seed"` // of the author key
	Events []exampleEvent `json:"events"`   // of its log, which the other one lacks
}

type exampleEvent struct {
	Type    string `json:"type"`
	Key     string `json:"key"`
	Payload string `json:"payload"`
	Time    int64  `json:"time_ms"`
}

type exampleMessage struct {
	From  string `json:"from"`
	Type  string `json:"type"`
	Frame string `json:"frame"`
}

func makeExample(t *testing.T) example {
	keys, events := twinTopic.Keys(), [2][]exampleEvent{
		{{"note", "k1", "hello", 1700000000000}, {"note", "k1", "hello again", 1700000000001}}, {{"note", "", "welcome", 1700000000002}},
	}
	id, binding := twinTopic.ID(), digest.Sum([]byte("binding"))
	x := example{
		Comment: "A session of XSP 2, from both HELLO to both SYNC_DONE. Written by go test ./syncer -run Example -update.",
		Session: exampleSession{Binding: binding.String(), Topic: id.String(), Lobby: hex.EncodeToString(keys.Lobby[:]), Join: hex.EncodeToString(keys.Join[:]), Page: 4096},
	}
	twins := [2]*twin{newTwin(1), newTwin(2)}
	for i, name := range []string{"Ada", "Ben"} {
		w := twins[i]
		key := twinTopic.AuthorOf(w.seed)
		for _, e := range events[i] {
			rec, err := event.AppendRecord(nil, event.Event{Type: e.Type, Key: []byte(e.Key), Payload: []byte(e.Payload)}, e.Time, 0)
			if err != nil {
				t.Fatal(err)
			}
			w.write(key, rec)
		}
		x.Session.Peers[i] = examplePeer{name, PeerOf(w.seed).String(), hex.EncodeToString(key.Seed()), events[i]}
	}
	a, b := newSideOn(binding[:], twins[0], twins[1], true, twinTopic), newSideOn(binding[:], twins[1], twins[0], false, twinTopic)
	for i, e := range []*side{a, b} {
		e.heard = func(m messages.Message, frame []byte) {
			x.Messages = append(x.Messages, exampleMessage{x.Session.Peers[i].Name, m.Type().String(), hex.EncodeToString(frame)})
		}
	}
	takeTurns(t, a, b)
	return x
}

// takeTurns lets each side take all that it has, until both agree.
func takeTurns(t *testing.T, a, b *side) {
	now := time.Unix(0, 0)
	for range 100 {
		for len(a.in) > 0 {
			a.step(b)
		}
		for len(b.in) > 0 {
			b.step(a)
		}
		if a.failed != nil || b.failed != nil {
			t.Fatal(a.failed, b.failed)
		}
		if len(a.in) > 0 {
			continue
		}
		if a.agreed && b.agreed {
			return
		}
		now = now.Add(time.Second)
		for _, e := range []*side{a, b} {
			if e.tick {
				e.tick, e.in = false, append(e.in, Tick{Now: now})
			}
		}
	}
	t.Fatal("they do not agree")
}

// TestExampleVectors: two sessions say what the file says.
func TestExampleVectors(t *testing.T) {
	raw, err := json.MarshalIndent(makeExample(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(exampleFile, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(exampleFile); err != nil || !bytes.Equal(b, raw) {
		t.Errorf("%s is another (%v)", exampleFile, err)
	}
}
