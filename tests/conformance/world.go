// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// pageBytes is the page size of the logs of the suite's topics.
const pageBytes = 4096

// named is 32 bytes that are the same in each run.
func named(format string, args ...any) digest.Hash {
	return digest.Sum(fmt.Appendf([]byte("xaeroflux conformance "), format, args...))
}

// member is a device of the suite: the same peer in each run.
func member(n int) identity.Device {
	g := named("generation %d", n)
	return identity.Device{Seed: identity.Seed(named("seed %d", n)), Generation: identity.Generation(g[:16])}
}

func keyOf(format string, args ...any) ed25519.PrivateKey {
	seed := named(format, args...)
	return ed25519.NewKeyFromSeed(seed[:])
}

// A topic is one that the suite founded, open and plain, so that everything in it
// follows from its name. The logs in it are the suite's: true holds all there
// ever is of them.
type topic struct {
	name    string
	invite  identity.Invite
	id      identity.TopicID
	truth   map[digest.Hash]*evilpeer.Log
	forked  map[digest.Hash]bool   // that the program was told
	formats map[digest.Hash]string // of the payloads of a log
	authors int
}

func newTopic(name string) *topic {
	t := &topic{name: name, truth: map[digest.Hash]*evilpeer.Log{}, forked: map[digest.Hash]bool{}, formats: map[digest.Hash]string{}}
	t.invite.Keys = identity.TopicKeys{Lobby: identity.Secret(named("lobby %s", name)), Join: identity.Secret(named("join %s", name))}
	t.invite.Name = "conformance " + name
	t.invite.Genesis = identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: pageBytes,
		Owner: identity.PublicKey(keyOf("owner %s", name)), Steward: identity.PublicKey(keyOf("steward %s", name)),
		LobbyHash: identity.LobbyHash(t.invite.Keys.Lobby), JoinHash: identity.JoinHash(t.invite.Keys.Join),
	}
	t.id = t.invite.Topic()
	return t
}

// text is the topic's invite.
// prover makes and checks the proofs of the topic.
func (t *topic) prover() *identity.Prover { return t.invite.Keys.Prover(t.id) }

func (t *topic) text() string {
	text, err := t.invite.Encode()
	if err != nil {
		panic(err) // of an invite that is made here
	}
	return text
}

// newLog returns a log of a new author, which the program does not hold.
func (t *topic) newLog(events int, format string) *evilpeer.Log {
	t.authors++
	return t.logOf(keyOf("author %d of %s", t.authors, t.name), events, format)
}

func (t *topic) logOf(key ed25519.PrivateKey, events int, format string) *evilpeer.Log {
	all := make([]event.Event, events)
	for i := range all {
		all[i] = event.Event{Type: "conformance", Payload: fmt.Appendf(nil, format, i)}
	}
	l, err := evilpeer.NewLog(t.id, key, pageBytes, all...)
	if err != nil {
		panic(err) // of a log that is made here
	}
	t.formats[l.ID] = format
	return l
}

// grow appends events to a log, as its author.
func (t *topic) grow(l *evilpeer.Log, events int) *evilpeer.Log {
	return t.add(t.logOf(l.Key, len(l.Leaves)+events, t.formats[l.ID]))
}

// add makes a log one of the topic.
func (t *topic) add(l *evilpeer.Log) *evilpeer.Log {
	t.truth[l.ID] = l
	return l
}

// A holding is how many events of each log of a topic a peer of the suite has.
type holding map[digest.Hash]uint64

// all is everything that there is.
func (t *topic) all() holding {
	h := holding{}
	for id, l := range t.truth {
		h[id] = uint64(len(l.Leaves))
	}
	return h
}

// set is the frontier digest of a holding: "Keys, ids and invites" of
// docs/format.md.
func (t *topic) set(h holding, follows func(digest.Hash) bool) digest.Set {
	var m digest.Multiset
	for id, size := range h {
		switch {
		case t.forked[id]:
			m.Add(id, 0, digest.Empty)
		case size > 0 && follows(id):
			m.Add(id, size, t.truth[id].Root(size))
		}
	}
	return m.Set()
}

// at is a log as a holding has it.
func (t *topic) at(h holding, id digest.Hash) *evilpeer.Log {
	l := t.truth[id]
	if n := int(h[id]); n < len(l.Leaves) {
		return l.Cut(n)
	}
	return l
}

// ids returns the logs of a holding in order.
func (h holding) ids() []digest.Hash {
	all := make([]digest.Hash, 0, len(h))
	for id := range h {
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
	return all
}
