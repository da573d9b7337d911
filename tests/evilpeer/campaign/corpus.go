// SPDX-License-Identifier: MPL-2.0

package campaign

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

const pageBytes = 4096

// A corpus is what the attackers' frames are made from: true logs, one of them
// forked, one of them long enough to be pulled, and some that close themselves.
type corpus struct {
	topic     *identity.Invite
	victim    digest.Hash // the victim's own log
	logs      []*evilpeer.Log
	closing   []*evilpeer.Log
	strangers []*evilpeer.Log // that are no part of the topic
}

func newCorpus(topic *identity.Invite, victim digest.Hash, rng *rand.Rand) (*corpus, error) {
	c := &corpus{topic: topic, victim: victim}
	a, b, long := key(rng), key(rng), key(rng)
	for _, l := range []struct {
		key    ed25519.PrivateKey
		n      int
		format string
	}{
		{a, 60, "event %d"}, {a, 70, "event %d of another history"}, {b, 200, "event %d of a second author"},
		{long, 4500, "event %d of a log that fills more than sixty-four pages of four kilobytes"},
	} {
		events := make([]event.Event, l.n)
		for i := range events {
			events[i] = event.Event{Type: "../../campaign", Payload: fmt.Appendf(nil, l.format, i)}
		}
		log, err := evilpeer.NewLog(topic.Topic(), l.key, pageBytes, events...)
		if err != nil {
			return nil, err
		}
		c.logs = append(c.logs, log)
	}
	return c, errors.Join(c.addClosing(rng), c.addStrangers(rng))
}

// addClosing makes a log for each record that closes one.
func (c *corpus) addClosing(rng *rand.Rand) error {
	for _, e := range eventtest.Cases() {
		if e.Kind != 0 || e.Sealed || e.Erasable || e.Reason == 0 || e.Name == "to itself" || e.Raw.Flags&event.FlagErased != 0 {
			continue
		}
		k := key(rng)
		before := eventtest.Raw{Time: e.Previous}
		l, err := evilpeer.NewLogOf(identity.DataLog(c.topic.Topic(), identity.PublicKey(k), pageBytes), k, before.Record(), e.Raw.Record(), before.Record())
		if err != nil {
			return err
		}
		c.closing = append(c.closing, l)
	}
	return nil
}

// addStrangers makes logs of names that do not count in an open topic.
func (c *corpus) addStrangers(rng *rand.Rand) error {
	for i := range 5 {
		k := key(rng)
		n := identity.DataLog(c.topic.Topic(), identity.PublicKey(k), pageBytes)
		switch i {
		case 0:
			n.Number = 1 + rng.Uint64()>>1
		case 1:
			n.PageBytes *= 2
		case 2:
			n = identity.RosterLog(n.Topic, n.Author, rng.Uint32N(2), rng.Uint32N(2))
		case 3:
			n.Kind = identity.KindBoxes
		case 4: // the roster, of which it is not the steward
			n = identity.RosterLog(n.Topic, c.topic.Genesis.Steward, 0, 0)
		}
		record := eventtest.Raw{Time: 1, Type: "xf/uninvite", Payload: make([]byte, 72)}
		l, err := evilpeer.NewLogOf(n, k, record.Record(), record.Record(), record.Record())
		if err != nil {
			return err
		}
		c.strangers = append(c.strangers, l)
	}
	return nil
}

func key(rng *rand.Rand) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(noise(rng, ed25519.SeedSize))
}

// noise is n random bytes.
func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}

// wrote says whether an author of the corpus wrote this history, and all of it
// counts: the second record closes a log of those that do so.
func (c *corpus) wrote(id digest.Hash, size uint64, root digest.Hash) bool {
	for _, l := range slices.Concat(c.logs, c.closing) {
		if l.ID == id && size <= uint64(len(l.Leaves)) && l.Root(size) == root {
			return size <= 1 || !slices.Contains(c.closing, l)
		}
	}
	return false
}

// number is a small number, or one at an edge.
func number(rng *rand.Rand) uint64 {
	if rng.IntN(4) > 0 {
		return rng.Uint64N(100)
	}
	edges := []uint64{0, 1, 1<<16 - 1, 1 << 31, 1<<32 - 1, 1 << 47, messages.MaxCount}
	return edges[rng.IntN(len(edges))]
}

func (c *corpus) log(rng *rand.Rand) *evilpeer.Log { return c.logs[rng.IntN(len(c.logs))] }

// message is one that a peer may say, true in itself, at any time.
func (c *corpus) message(rng *rand.Rand) messages.Message {
	switch rng.IntN(26) {
	case 20, 21:
		l := c.closing[rng.IntN(len(c.closing))]
		from := rng.Uint64N(3)
		return l.Events(from, from+1+rng.Uint64N(3-from))
	case 22:
		return c.strangers[rng.IntN(4)].Events(0, 1+rng.Uint64N(3))
	case 23:
		return &messages.Ping{Nonce: number(rng), Padding: make([]byte, rng.IntN(messages.MaxPadding))}
	case 24:
		return &messages.Presence{Capability: "../../x", Data: noise(rng, rng.IntN(100))}
	case 25:
		return c.offers(rng)
	case 0, 1, 2, 3, 4:
		l := c.log(rng)
		from := rng.IntN(len(l.Leaves) - 1)
		return l.Events(uint64(from), uint64(min(from+1+rng.IntN(40), len(l.Leaves))))
	case 5, 6, 7:
		return c.diff(rng)
	case 8, 9, 10, 11:
		return &messages.SyncDone{Logs: number(rng), Digest: digest.Hash(noise(rng, 32)), Ask: rng.IntN(2) == 0, Leaves: rng.IntN(4) == 0}
	case 12, 13, 14, 15:
		return &messages.ProofRequest{Log: c.anyLog(rng), Seq: 10 + number(rng)%(1<<40), Size: number(rng)}
	case 16, 17:
		return &messages.Peers{Addresses: []string{"../../x", string('a' + rune(rng.IntN(26)))}}
	case 18:
		return &messages.Unknown{Number: messages.FirstOptional + messages.Type(rng.IntN(100))}
	}
	return c.unwanted(rng)
}

// unwanted is a message that mostly ends a session.
func (c *corpus) unwanted(rng *rand.Rand) messages.Message {
	switch rng.IntN(14) {
	case 8:
		return &messages.Leave{Topic: uint32(rng.IntN(2))}
	case 9:
		return &messages.Certificate{Topic: uint32(rng.IntN(2)), Sealed: noise(rng, 1+rng.IntN(200))}
	case 10:
		return &messages.Pong{Nonce: number(rng)}
	case 11:
		return &messages.Open{Capability: "x", Param: noise(rng, rng.IntN(100))}
	case 12:
		return c.strangers[4].Events(0, 3)
	case 13:
		return &messages.Topics{Answers: uint32(number(rng)), Offers: make([]messages.Offer, 1+rng.IntN(2))}
	case 0, 1, 2:
		return &messages.Peaks{Logs: number(rng), Digest: digest.Hash(noise(rng, 32))}
	case 3:
		return &messages.Hello{Version: uint16(number(rng)), Caps: []messages.Capability{{Name: "/etc/passwd"}}}
	case 4:
		return c.request(rng)
	case 5:
		m, _ := c.logs[3].Run(0, 1+rng.IntN(8))
		return m
	case 6:
		return &messages.ProofResponse{Log: c.anyLog(rng), Seq: number(rng), Leaf: noise(rng, rng.IntN(100))}
	}
	return &messages.Bye{Code: messages.Code(rng.IntN(30)), Text: "\x1b[2J"}
}

// offers is a list of topics that nobody is in.
func (c *corpus) offers(rng *rand.Rand) *messages.Topics {
	m := &messages.Topics{More: rng.IntN(2) == 0, Offers: make([]messages.Offer, rng.IntN(20))}
	for i := range m.Offers {
		m.Offers[i].Lobby = [32]byte(noise(rng, 32))
	}
	return m
}

func (c *corpus) anyLog(rng *rand.Rand) digest.Hash {
	if rng.IntN(3) == 0 {
		return c.victim
	}
	return c.log(rng).ID
}

func (c *corpus) request(rng *rand.Rand) *messages.PageRequest {
	return &messages.PageRequest{Log: c.anyLog(rng), From: number(rng) % 80, Count: number(rng), Tail: rng.IntN(2) == 0}
}

// diff lists some logs as they are, were, or never were.
func (c *corpus) diff(rng *rand.Rand) *messages.Diff {
	d := &messages.Diff{Rung: messages.RungFrontier, Part: rng.IntN(2) == 0}
	for i := range c.logs {
		if i == 1 && rng.IntN(2) == 0 { // else it is there twice
			continue
		}
		s := c.logs[i].State()
		switch rng.IntN(4) {
		case 0:
			continue
		case 1:
			s.Size = min(s.Size, number(rng))
			s.Pages = min(s.Pages, s.Size)
		case 2:
			if i == 2 { // signed, and never true
				s.Size, s.Pages = messages.MaxCount, number(rng)
				s.Head = evilpeer.Wire(c.logs[i].Sign(s.Size, digest.Hash{1}))
			}
		}
		d.Entries = append(d.Entries, s)
	}
	return d
}
