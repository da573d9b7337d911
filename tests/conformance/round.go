// SPDX-License-Identifier: MPL-2.0

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A round is one way to find out what differs: "Finding out what differs".
type round struct {
	number uint64
	lead   bool
	rung   messages.Rung
	salt   sketch.Salt
	enc    *sketch.Encoder
	dec    *sketch.Decoder
	told   []messages.ShortState // of a list that is not whole
	items  []uint64
}

// saltOf is the leader's salt of a round.
func (p *peer) saltOf(c *conversation, number uint64) sketch.Salt {
	h := digest.Tagged("xaeroflux sketch salt v1", p.conn.Binding(), c.t.id[:], binary.LittleEndian.AppendUint64(nil, number))
	return sketch.Salt(h[:16])
}

func shortID(salt sketch.Salt, log digest.Hash) uint64 {
	h := sha256.Sum256(append(salt[:], log[:]...))
	return binary.BigEndian.Uint64(h[:]) >> 24
}

func itemOf(salt sketch.Salt, log digest.Hash, size uint64, root digest.Hash) uint64 {
	le := binary.LittleEndian.Uint64
	mixed := (le(root[:]) ^ le(salt[:])) * (le(salt[8:]) | 1)
	return shortID(salt, log)<<24 | size%(1<<20)<<4 | mixed>>60
}

// itemsOf is the items of what the suite holds, in order, and its logs by short
// ids.
func (p *peer) itemsOf(c *conversation, salt sketch.Salt) (items []uint64, logs map[uint64]digest.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	logs = map[uint64]digest.Hash{}
	for id, size := range p.has[c.t] {
		root := digest.Empty
		switch {
		case c.t.forked[id]:
			size = 0
		case size == 0 || !c.follows(id):
			continue
		default:
			root = c.t.truth[id].Root(size)
		}
		items, logs[shortID(salt, id)] = append(items, itemOf(salt, id, size, root)), id
	}
	slices.Sort(items)
	return items, logs
}

func (p *peer) body(c *conversation, r *round, b messages.Body) error {
	return p.send(&messages.Diff{Topic: c.number, Rung: r.rung, Body: messages.EncodeBody(r.number, b)})
}

// lead begins a round.
func (p *peer) lead(c *conversation) error {
	c.rounds++
	r := &round{number: c.rounds, lead: true, rung: messages.RungFrontier, salt: p.saltOf(c, c.rounds)}
	c.round = r
	items, _ := p.itemsOf(c, r.salt)
	if p.plays[messages.RungSketch] {
		r.rung, r.enc = messages.RungSketch, sketch.NewEncoder(r.salt, items)
		return p.body(c, r, &messages.SymbolsBody{Salt: r.salt, Items: uint64(len(items)), Symbols: r.enc.Next(512)})
	}
	return p.body(c, r, &messages.ItemsBody{Salt: r.salt, Items: items})
}

// takeBody acts on a body of a round.
func (p *peer) takeBody(c *conversation, m *messages.Diff) error {
	number, b, err := messages.DecodeBody(m.Body)
	if err != nil {
		return ruleDecode.broken("a body of DIFF: %v", err)
	}
	c.bodies++
	if c.listed {
		return nil
	}
	if ask, ok := b.(*messages.AskBody); ok && ask.Symbols == 0 {
		c.leads = true
		return p.lead(c)
	}
	if r := c.round; r != nil && r.lead && r.number == number {
		return p.answered(c, r, b, m.More)
	}
	return p.follow(c, number, m.Rung, b, m.More)
}

// answered takes what the program says in a round that the suite leads.
func (p *peer) answered(c *conversation, r *round, b messages.Body, more bool) error {
	items, _ := p.itemsOf(c, r.salt)
	switch b := b.(type) {
	case *messages.AskBody:
		if r.enc == nil || b.Symbols <= uint64(r.enc.Made()) {
			return ruleSymbols.broken("asks for %d symbols of rung %d", b.Symbols, r.rung)
		}
		first := r.enc.Made()
		c.asks++
		return p.body(c, r, &messages.SymbolsBody{Salt: r.salt, Items: uint64(len(items)), First: uint64(first), Symbols: r.enc.Next(int(b.Symbols) - first)})
	case *messages.NextBody:
		r.rung, r.enc = messages.RungFrontier, nil
		return p.body(c, r, &messages.ItemsBody{Salt: r.salt, Items: items})
	case *messages.AnswerBody:
		if r.told = append(r.told, b.Logs...); more {
			return nil
		}
		c.round, c.known = nil, true
		return p.apply(c, r.salt, r.told)
	}
	return nil // it leads too, in a round of the same number: the dialer's counts
}

// follow takes what the program says in a round that it leads.
func (p *peer) follow(c *conversation, number uint64, rung messages.Rung, b messages.Body, more bool) error {
	r := c.round
	if r == nil || r.lead || r.number != number {
		switch b.(type) {
		case *messages.CursorBody, *messages.SymbolsBody, *messages.ItemsBody:
		default:
			return nil // of a round that is over
		}
		if number <= c.rounds && number > 0 || number >= 1<<62 || number == 0 && c.peaks != nil {
			return ruleRounds.broken("round %d begins after round %d", number, c.rounds)
		}
		c.rounds, c.round = number, &round{number: number, rung: rung, salt: p.saltOf(c, number)}
		r = c.round
	}
	r.rung = rung
	switch b := b.(type) {
	case *messages.CursorBody:
		return p.followCursor(c, r, b, more)
	case *messages.SymbolsBody:
		return p.followSymbols(c, r, b, more)
	case *messages.ItemsBody:
		if b.Salt != r.salt {
			return ruleSalt.broken("round %d of topic %q has the salt %x, want %x", number, c.t.name, b.Salt, r.salt)
		}
		if r.items = append(r.items, b.Items...); more {
			return nil
		}
		ours, _ := p.itemsOf(c, r.salt)
		return p.differ(c, r, without(r.items, ours), without(ours, r.items))
	}
	return nil
}

// followCursor answers if the suite remembers the digest.
func (p *peer) followCursor(c *conversation, r *round, b *messages.CursorBody, more bool) error {
	c.cursors++
	if b.Salt != r.salt {
		return ruleSalt.broken("a cursor of round %d has the salt %x, want %x", r.number, b.Salt, r.salt)
	}
	if r.told = append(r.told, b.Logs...); more {
		return nil
	}
	if r.number == 0 { // what changed since the suite's mark; it is not answered
		c.round, c.known = nil, true
		return p.apply(c, r.salt, r.told)
	}
	var changes []change
	if p.since != nil {
		changes = p.since(b.Since)
	}
	if changes == nil {
		r.told = nil
		return p.body(c, r, &messages.NextBody{})
	}
	var logs []messages.ShortState
	before := map[uint64]uint64{}
	for _, ch := range changes {
		short := shortID(r.salt, ch.log)
		logs, before[short] = append(logs, messages.ShortState{ID: short, Size: p.has[c.t][ch.log]}), ch.before
	}
	messages.SortStates(logs)
	if err := p.body(c, r, &messages.AnswerBody{Logs: logs}); err != nil {
		return err
	}
	told := r.told
	for _, l := range told {
		delete(before, l.ID)
	}
	for short, size := range before { // the program has of these what both had
		told = append(told, messages.ShortState{ID: short, Size: size})
	}
	c.round, c.known = nil, true
	return p.apply(c, r.salt, told)
}

func (p *peer) followSymbols(c *conversation, r *round, b *messages.SymbolsBody, more bool) error {
	if b.Salt != r.salt {
		return ruleSalt.broken("symbols of round %d have the salt %x, want %x", r.number, b.Salt, r.salt)
	}
	if r.dec == nil {
		items, _ := p.itemsOf(c, r.salt)
		r.dec = sketch.NewDecoder(r.salt, items)
	}
	if b.First != uint64(r.dec.Len()) {
		return ruleSymbols.broken("symbols from %d, want %d", b.First, r.dec.Len())
	}
	done, err := r.dec.Add(b.Symbols)
	switch {
	case err != nil:
		return p.body(c, r, &messages.NextBody{})
	case !done && more:
		return nil
	case !done:
		return p.body(c, r, &messages.AskBody{Symbols: uint64(2 * r.dec.Len())})
	}
	theirs, ours, err := r.dec.Difference()
	if err != nil {
		return ruleSymbols.broken("symbols that give no set: %v", err)
	}
	return p.differ(c, r, theirs, ours)
}

// without is the numbers of a that are not in b.
func without(a, b []uint64) (rest []uint64) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

// differ answers a round by what the suite holds of the logs that differ.
func (p *peer) differ(c *conversation, r *round, theirs, ours []uint64) error {
	_, logs := p.itemsOf(c, r.salt)
	sizes := map[uint64]uint64{}
	for _, x := range ours {
		sizes[x>>24] = 0
	}
	for _, x := range theirs {
		sizes[x>>24] = x >> 4 % (1 << 20) // no log of the suite is longer
	}
	var told, answer []messages.ShortState
	for short, size := range sizes {
		told = append(told, messages.ShortState{ID: short, Size: size})
		answer = append(answer, messages.ShortState{ID: short, Size: p.has[c.t][logs[short]]})
	}
	messages.SortStates(answer)
	if err := p.body(c, r, &messages.AnswerBody{Logs: answer}); err != nil {
		return err
	}
	c.round, c.known = nil, true
	return p.apply(c, r.salt, told)
}

// apply acts on what the program holds of the logs that differ.
func (p *peer) apply(c *conversation, salt sketch.Salt, told []messages.ShortState) error {
	logs := map[uint64]digest.Hash{}
	for id := range c.t.truth {
		logs[shortID(salt, id)] = id
	}
	for _, s := range told {
		id, ok := logs[s.ID]
		if !ok {
			if s.Size == 0 {
				continue
			}
			return ruleAnswer.broken("short id %x with %d events is of no log of topic %q", s.ID, s.Size, c.t.name)
		}
		if n := uint64(len(c.t.truth[id].Leaves)); s.Size > n {
			return ruleAnswer.broken("log %s has %d events, its author signed %d", id.Short(), s.Size, n)
		}
		p.mu.Lock()
		has := p.has[c.t][id]
		p.mu.Unlock()
		if s.Size > has {
			c.expects[id] = s.Size
		}
		if err := p.bring(c, id, s.Size); err != nil {
			return err
		}
	}
	return nil
}
