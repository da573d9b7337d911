// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../../tests/testdata/vectors/home.json")

const vectorFile = "../../tests/testdata/vectors/home.json"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

type vectors struct {
	Note    string        `json:"note"`
	Words   string        `json:"words"` // of the person whose home topic it is
	Home    digest.Hash   `json:"home"`
	Author  digest.Hash   `json:"author"` // of all events: the device, as the home topic knows it
	Events  []eventVector `json:"events"`
	Refused []eventVector `json:"refused"`
}

type eventVector struct {
	Type    string         `json:"type"`
	Key     hexBytes       `json:"key"`
	Payload hexBytes       `json:"payload"`
	Fields  map[string]any `json:"fields,omitempty"`
}

func makeVectors(t *testing.T) vectors {
	genesis := person.Home().Genesis
	v := vectors{Note: "written by go test ./internal/home -run Vectors -update; a key that nothing explains is the SHA-256 of a word", Words: person.Phrase(), Home: genesis.ID(), Author: word("author")}
	for _, s := range samples(t) {
		v.Events = append(v.Events, eventVector{s.Type, s.Key, s.Payload, fieldsOf(t, &s)})
		for _, b := range [][]byte{s.Payload[:len(s.Payload)-1], append(bytes.Clone(s.Payload), 0), append([]byte{2}, s.Payload[1:]...)} {
			v.Refused = append(v.Refused, eventVector{s.Type, s.Key, b, nil})
		}
	}
	return v
}

// fieldsOf says what an event says.
func fieldsOf(t *testing.T, s *sample) map[string]any {
	t.Helper()
	switch s.Type {
	case TypeTopic:
		x, err := ParseStatement(s.Payload)
		if err != nil {
			t.Fatal(err)
		}
		return statementFields(x)
	case TypeDevice:
		g, err := ParseGrant(s.Payload)
		if err != nil {
			t.Fatal(err)
		}
		e := g.Epoch
		return map[string]any{"number": e.Number, "id": e.ID, "secret": hexBytes(e.Secret[:]), "join": hexBytes(e.Join[:]), "readers": e.Readers, "signer": g.Device.Signer, "device": g.Device.Card.Device}
	case TypeKey:
		k, err := ParseDeviceKey(s.Payload)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"device": k.Key, "signature": hexBytes(k.Sig[:])}
	case TypeGone:
		return map[string]any{}
	case TypeName:
		p, err := ParsePetname(s.Payload)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"account": p.Account, "given_ms": p.Given, "name": p.Name}
	case TypeCard:
		c, err := ParseCard(s.Payload)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"account": c.Card.Account, "device": c.Card.Device}
	}
	r, err := ParseRoot(s.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"kem": hexBytes(r.KEM[:]), "signature": hexBytes(r.Sig[:])}
}

func statementFields(x *Statement) map[string]any {
	places := []string{}
	for _, a := range x.Places {
		places = append(places, a.String())
	}
	f := map[string]any{
		"genesis": hexBytes(x.Genesis.Append(nil)), "lobby": hexBytes(x.Keys.Lobby[:]), "join": hexBytes(x.Keys.Join[:]), "default": x.Default, "left": x.Left,
		"name": x.Name, "named_ms": x.Named, "account": x.Account, "box": hexBytes(x.Box), "places": places, "roster": hexBytes{},
	}
	if x.Roster != nil {
		f["roster"] = hexBytes(x.Roster.Append(nil))
	}
	return f
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
	if b, err := os.ReadFile(vectorFile); err != nil || !bytes.Equal(b, raw) {
		t.Errorf("the vectors are others (%v)", err)
	}
}

// The words make the home topic that the vectors are of.
func TestWordsMakeTheHomeTopic(t *testing.T) {
	w, err := identity.ParseWords(person.Phrase())
	if err != nil {
		t.Fatal(err)
	}
	h := w.Home()
	if !root().Verify(h.Genesis.ID(), h.Genesis.Owner) {
		t.Error("the root key is not signed by the home topic's account")
	}
}
