// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// shown is what a state answers, as text.
func shown(t *testing.T, s *State) string {
	t.Helper()
	var all []any
	for _, x := range s.Topics() {
		keys, at := x.Keys()
		name, named := x.Name()
		all = append(all, x.ID, x.Default(), x.Left(), hexBytes(keys.Join[:]), at, name, named, x.Accounts(), x.Places())
		for _, a := range x.Accounts() {
			all = append(all, x.Boxes(a))
		}
	}
	var cards []Card
	for at, posted := range s.cards {
		for by := range posted {
			cards = append(cards, Card{at, s.Card(at, by), by})
		}
	}
	slices.SortFunc(cards, func(a, b Card) int {
		return cmp.Or(bytes.Compare(a.Device[:], b.Device[:]), bytes.Compare(a.By[:], b.By[:]))
	})
	for _, c := range cards {
		all = append(all, c, s.Granted(c.At, c.Claim))
	}
	all = append(all, s.Open(), s.Root(), fmt.Sprint(s.petnames, s.keys, s.gone))
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// said is what three devices say, each in its order.
func said(t *testing.T) [3][]Entry {
	var all [3][]Entry
	g, keys := members()
	topic := g.ID()
	for d := range all {
		for i := range 4 {
			s := &Statement{Genesis: g, Keys: keys, Roster: position(uint64(1 + (3*d+i)%5)), Name: strings.Repeat("n", 1+(d+i)%3), Named: uint64((d*5 + i*3) % 7), Account: word("account"), Default: d == 1, Left: i > d}
			s.Keys.Join[0] = byte(d*4 + i)
			s.Box = bytes.Repeat([]byte{byte(d*4 + i)}, roster.RecoveryBytes)
			s.Places = append(s.Places, place(byte(d+1), "10.0.0.1:1"))
			all[d] = append(all[d], Entry{Author: roster.Key{byte(d + 1)}, Type: TypeTopic, Key: topic[:], Payload: s.Append(nil)})
		}
	}
	for d := range all {
		for i := range 3 {
			p := &Petname{word("ben"), naming.Petname{Given: uint64(d*5+i*3) % 7, Name: strings.Repeat("n", 1+(d+i)%3)}}
			all[d] = append(all[d], Entry{Author: roster.Key{byte(d + 1)}, Type: TypeName, Key: topic[:], Payload: p.Append(nil)})
		}
	}
	for i, s := range samples(t) {
		e := s.Entry
		if e.Type != TypeKey { // that is signed
			e.Author = roster.Key{byte(i%3 + 1)}
		}
		all[i%3] = append(all[i%3], e)
	}
	for d := range all { // each posts the others' cards too, and older ones
		for i := range 2 {
			card := claimOf((d + i) % 3)
			b, err := AppendCard(nil, &card)
			if err != nil {
				t.Fatal(err)
			}
			all[d] = append(all[d], Entry{Author: roster.Key{byte(d + 1)}, Type: TypeCard, Key: topic[:], Payload: b})
		}
	}
	return all
}

// TestOrderOfDevicesHasNoMeaning: the same events make the same state in any order of the
// devices.
func TestOrderOfDevicesHasNoMeaning(t *testing.T) {
	var want string
	for seed := range int64(50) {
		rnd := rand.New(rand.NewSource(seed))
		left := said(t)
		s := newState()
		for len(left[0])+len(left[1])+len(left[2]) > 0 {
			d := rnd.Intn(3)
			if len(left[d]) == 0 {
				continue
			}
			if err := s.Add(left[d][0]); err != nil {
				t.Fatal(err)
			}
			left[d] = left[d][1:]
		}
		if got := shown(t, s); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("seed %d: \n%s\nwant\n%s", seed, got, want)
		}
	}
}

// TestCloneStays: a copy does not hear what is said later.
func TestCloneStays(t *testing.T) {
	s := newState()
	all := slices.Concat(said(t)[0], said(t)[1], said(t)[2])
	for _, e := range all {
		c := s.Clone()
		before := shown(t, c)
		if before != shown(t, s) {
			t.Fatal("a copy says something else")
		}
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
		if shown(t, c) != before {
			t.Fatalf("a copy heard %s", e.Type)
		}
	}
}

// TestNobodyElsesRootKey: a root key that the person did not sign is none.
func TestNobodyElsesRootKey(t *testing.T) {
	s := newState()
	r := root()
	r.Sig[0]++
	if err := s.Add(Entry{Type: TypeRoot, Payload: r.Append(nil)}); !errors.Is(err, ErrMalformed) || s.Root() != nil {
		t.Errorf("a wrong signature: %v", err)
	}
	if err := s.Add(Entry{Type: TypeRoot, Payload: root().Append(nil)}); err != nil || s.Root() == nil {
		t.Errorf("the right one: %v", err)
	}
}

// TestEventsOfOtherTopicsSayNothing: a key that is not the payload's topic, and the home
// topic itself.
func TestEventsOfOtherTopicsSayNothing(t *testing.T) {
	for _, x := range samples(t) {
		if x.Type == TypeRoot {
			continue
		}
		s := newState()
		e := x.Entry
		e.Key = bytes.Repeat([]byte{1}, 32)
		if x.Type == TypeName || x.Type == TypeGone { // they are told of any topic, or device
			e.Key = e.Key[1:]
		}
		if err := s.Add(e); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s under another topic: %v", e.Type, err)
		}
		e.Key = nil
		if err := s.Add(e); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s under no topic: %v", e.Type, err)
		}
	}
	h := person.Home()
	id := h.Genesis.ID()
	own := &Statement{Genesis: &h.Genesis}
	own.Keys.Lobby = h.Lobby
	s := New(&h.Genesis)
	if err := s.Add(Entry{Type: TypeTopic, Key: id[:], Payload: own.Append(nil)}); !errors.Is(err, ErrMalformed) {
		t.Errorf("the home topic itself: %v", err)
	}
	if err := s.Add(Entry{Type: "later", Key: id[:]}); err != nil {
		t.Errorf("a type of a later version: %v", err)
	}
}

// TestCardsAreAnswered: a card is open until a grant with its own signature came.
func TestCardsAreAnswered(t *testing.T) {
	s := newState()
	topic, c := claim()
	at := At{topic, c.Card.Device}
	for _, x := range samples(t) {
		if err := s.Add(x.Entry); err != nil {
			t.Fatal(err)
		}
		if answered := s.Card(at, x.Author) != nil && len(s.Open()) == 0; answered != (s.grants[at] != nil) {
			t.Errorf("behind %s: open are %v", x.Type, s.Open())
		}
	}
	if g := s.Granted(at, &c); g == nil || g.Epoch.Number != 1<<40 {
		t.Errorf("granted is %+v", g)
	}
	again := c
	again.DeviceSig[0]++
	if s.Granted(at, &again) != nil {
		t.Error("a grant for another card counts")
	}
}

// TestNobodyReplacesAnothersCard: what a device posts for the key of another one, which may
// be an older card of that, stands beside what that one posted.
func TestNobodyReplacesAnothersCard(t *testing.T) {
	s := newState()
	topic, older := claim()
	newer := claimOf(0)
	at := At{topic, newer.Card.Device}
	self, other := roster.Key{1}, roster.Key{2}
	for _, x := range []struct {
		by    roster.Key
		claim roster.DeviceClaim
	}{{self, older}, {self, newer}, {other, older}} {
		b, err := AppendCard(nil, &x.claim)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(Entry{Author: x.by, Type: TypeCard, Key: topic[:], Payload: b}); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Card(at, self); c == nil || c.DeviceSig != newer.DeviceSig {
		t.Error("another device replaced the card")
	}
	if open := s.Open(); len(open) != 2 || open[0].By != self || open[1].By != other || open[1].Claim.DeviceSig != older.DeviceSig {
		t.Errorf("open are %+v", open)
	}
}

// TestDocumentHasEveryTable: each byte table above a type stands in docs/home.md.
func TestDocumentHasEveryTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/home.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, name := range []string{"statement.go", "card.go", "root.go", "petname.go", "key.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var table []string
		for _, l := range append(strings.Split(string(b), "\n"), "") {
			if rest, ok := strings.CutPrefix(l, "//\t"); ok {
				table = append(table, rest)
				continue
			}
			if len(table) > 0 && !strings.Contains(string(doc), strings.Join(table, "\n")) {
				t.Errorf("%s: docs/home.md has no table\n%s", name, strings.Join(table, "\n"))
			}
			if len(table) > 0 {
				tables++
			}
			table = nil
		}
	}
	if tables != 7 {
		t.Errorf("%d tables", tables)
	}
}

// A device cannot say that another's key is its own, or that its key in one topic is that in
// another.
func TestKeysAreSigned(t *testing.T) {
	topic, _ := claim()
	k := deviceKey(topic)
	said := Entry{Author: word("author"), Type: TypeKey, Key: topic[:], Payload: k.Append(nil)}
	s := newState()
	for what, e := range map[string]Entry{
		"another's":        {Author: word("thief"), Type: TypeKey, Key: topic[:], Payload: said.Payload},
		"in another topic": {Author: word("author"), Type: TypeKey, Key: bytes.Repeat([]byte{1}, 32), Payload: said.Payload},
		"of a later byte":  {Author: word("author"), Type: TypeKey, Key: topic[:], Payload: (&DeviceKey{roster.Key{1}, k.Sig}).Append(nil)},
	} {
		if err := s.Add(e); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Add(said); err != nil || len(s.Keys(word("author"), topic)) != 1 || len(s.Keys(word("thief"), topic)) != 0 {
		t.Errorf("its own: %v, %v", err, s.keys)
	}
}
