// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An Entry is an event of a home topic, opened.
type Entry struct {
	Author  roster.Key // the device, as the home topic knows it
	Type    string
	Key     []byte
	Payload []byte
}

// A State is what the events of a home topic add up to. Those of one device come in the
// order of its logs, those of several in any: the same events make the same state.
type State struct {
	id     digest.Hash
	owner  [identity.KeyBytes]byte
	root   *Root
	topics map[digest.Hash]*Topic
	cards  map[At]map[roster.Key]*roster.DeviceClaim // by the device that posted it, as the home topic knows it
	grants map[At][]*Grant

	keys     map[At][]roster.Key                           // of a device, as the home topic knows it
	gone     map[roster.Key]bool                           // likewise
	petnames map[digest.Hash]map[roster.Key]naming.Petname // by topic
}

// A Card is what a device asks with to take part in a topic.
//
// Rule: a card is its poster's. Whoever read a card can post it again, or an older one: so
// nobody's stands in the place of another's.
type Card struct {
	At
	Claim *roster.DeviceClaim
	By    roster.Key // the device that posted it, as the home topic knows it
}

// An At names a device in a topic by its key there.
type At struct {
	Topic  digest.Hash
	Device roster.Key
}

// bounds of what one state holds of a kind
const (
	maxBoxes  = 8 // of one account
	maxGrants = 8 // of one device in a topic
)

// New returns the state of a home topic before any event.
func New(genesis *identity.Genesis) *State {
	return &State{
		id: genesis.ID(), owner: genesis.Owner,
		topics: map[digest.Hash]*Topic{}, cards: map[At]map[roster.Key]*roster.DeviceClaim{}, grants: map[At][]*Grant{},
		keys: map[At][]roster.Key{}, gone: map[roster.Key]bool{},
		petnames: map[digest.Hash]map[roster.Key]naming.Petname{},
	}
}

// Root returns the person's root KEM key, or nil if nobody said it yet.
func (s *State) Root() *Root { return s.root }

// Topic returns what is said of a topic, or nil.
func (s *State) Topic(id digest.Hash) *Topic { return s.topics[id] }

// Topics returns the topics, those that are a device's default first.
func (s *State) Topics() []*Topic {
	return slices.SortedFunc(maps.Values(s.topics), func(a, b *Topic) int {
		if a.Default() != b.Default() {
			if a.Default() {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
}

// Card returns what a device posted last to take part in a topic; nil if it did not.
func (s *State) Card(at At, by roster.Key) *roster.DeviceClaim { return s.cards[at][by] }

// Open returns the cards that were not answered, of each device the one that it posted last
// for a key.
func (s *State) Open() (all []Card) {
	for at, cards := range s.cards {
		for by, c := range cards {
			if s.Granted(at, c) == nil {
				all = append(all, Card{at, c, by})
			}
		}
	}
	slices.SortFunc(all, func(a, b Card) int {
		return cmp.Or(bytes.Compare(a.Topic[:], b.Topic[:]), bytes.Compare(a.Device[:], b.Device[:]), bytes.Compare(a.By[:], b.By[:]))
	})
	return all
}

// Granted returns the newest answer to a card, or nil.
func (s *State) Granted(at At, c *roster.DeviceClaim) (newest *Grant) {
	for _, g := range s.grants[at] {
		if g.Device.DeviceSig == c.DeviceSig && (newest == nil || g.Epoch.Number > newest.Epoch.Number) {
			newest = g
		}
	}
	return newest
}

// Add takes an event in. The error is ErrMalformed for one that says nothing, which
// changes nothing; one of an unknown type is passed over.
func (s *State) Add(e Entry) error {
	if e.Type == TypeRoot {
		return s.addRoot(e)
	}
	if len(e.Key) != digest.Size {
		return malformed("a key of %d bytes, want one of %d", len(e.Key), digest.Size)
	}
	topic := digest.Hash(e.Key)
	switch e.Type {
	case TypeTopic:
		return s.addStatement(topic, e)
	case TypeCard:
		return s.addCard(topic, e)
	case TypeDevice:
		return s.addGrant(topic, e)
	case TypeName:
		return s.addPetname(topic, e)
	case TypeKey:
		return s.addKey(topic, e)
	case TypeGone:
		return s.addGone(roster.Key(e.Key), e)
	}
	return nil
}

func (s *State) addRoot(e Entry) error {
	r, err := ParseRoot(e.Payload)
	if err != nil {
		return err
	}
	if !r.Verify(s.id, s.owner) {
		return malformed("a root key that the person did not sign")
	}
	s.root = r // the words make one only
	return nil
}

func (s *State) addStatement(topic digest.Hash, e Entry) error {
	x, err := ParseStatement(e.Payload)
	if err != nil {
		return err
	}
	if x.Topic() != topic || topic == s.id {
		return malformed("of another topic")
	}
	t := s.topics[topic]
	if t == nil {
		t = &Topic{ID: topic, Genesis: x.Genesis, by: map[roster.Key]*Statement{}, boxes: map[roster.Key][][]byte{}}
		s.topics[topic] = t
	}
	t.by[e.Author] = x
	if len(x.Box) > 0 {
		t.boxes[x.Account] = least(t.boxes[x.Account], x.Box, bytes.Compare, maxBoxes)
	}
	return nil
}

// least adds one to a sorted list, unless it is there, and keeps the first ones of it.
func least[T any](all []T, one T, compare func(a, b T) int, most int) []T {
	at, there := slices.BinarySearchFunc(all, one, compare)
	if there {
		return all
	}
	all = slices.Insert(all, at, one)
	return all[:min(len(all), most)]
}

func (s *State) addCard(topic digest.Hash, e Entry) error {
	c, err := ParseCard(e.Payload)
	if err != nil {
		return err
	}
	if !c.Verify(topic) {
		return malformed("a card that its device did not sign")
	}
	at := At{topic, c.Card.Device}
	if s.cards[at] == nil {
		s.cards[at] = map[roster.Key]*roster.DeviceClaim{}
	}
	s.cards[at][e.Author] = c
	return nil
}

func (s *State) addGrant(topic digest.Hash, e Entry) error {
	g, err := ParseGrant(e.Payload)
	if err != nil {
		return err
	}
	if !g.Device.Verify(topic) {
		return malformed("a device with a wrong signature")
	}
	at := At{topic, g.Device.Card.Device}
	s.grants[at] = least(s.grants[at], g, compareGrants, maxGrants)
	return nil
}

// compareGrants puts newer epochs first.
func compareGrants(a, b *Grant) int {
	return cmp.Or(
		cmp.Compare(b.Epoch.Number, a.Epoch.Number), bytes.Compare(a.Epoch.ID[:], b.Epoch.ID[:]),
		bytes.Compare(a.Device.SignerSig[:], b.Device.SignerSig[:]), bytes.Compare(a.Device.DeviceSig[:], b.Device.DeviceSig[:]))
}
