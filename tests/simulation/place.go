// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A place is a topic, of which one peer is the steward. The first one is open,
// and every peer is always in it.
type place struct {
	syncer.Topic
	nr      int
	genesis *identity.Genesis
	owner   identity.AccountSecret
	steward *peer
	roster  syncer.LogInfo
}

// policies are those that say something of the records in a log.
var policies = []identity.Policy{identity.PolicyOpen, identity.PolicyOpen | identity.PolicyErasable, identity.PolicySealed}

func (w *world) newPlace(nr int, policy identity.Policy, steward *peer) *place {
	secret := func(what string) identity.Secret {
		return identity.Secret(digest.Tagged("xaeroflux simulated topic", []byte(what), binary.LittleEndian.AppendUint64(nil, uint64(nr))))
	}
	t := &place{nr: nr, steward: steward, owner: identity.AccountSecret{Secret: secret("owner")}}
	t.Keys, t.Policy = identity.TopicKeys{Lobby: secret("lobby"), Join: secret("join")}, policy
	t.genesis = &identity.Genesis{
		Policy: policy, Owner: identity.PublicKey(t.owner.Key()), LobbyHash: identity.LobbyHash(t.Keys.Lobby),
	}
	if policy.Has(identity.PolicyOpen) {
		t.genesis.PageBytes, t.genesis.JoinHash = pageBytes, identity.JoinHash(t.Keys.Join)
	}
	steward.device.Seed.Found(steward.device.Generation, t.genesis)
	if err := t.genesis.Check(); err != nil {
		w.fail("%v", err)
	}
	t.ID, t.Genesis = t.genesis.ID(), t.genesis
	t.roster = t.logInfo(identity.RosterLog(t.ID, t.genesis.Steward, 0, 0))
	w.byID[t.ID] = t
	return t
}

// logInfo is what never changes of a log of the topic.
func (t *place) logInfo(n identity.LogName) syncer.LogInfo {
	return syncer.LogOf(n.ID(), n, t.genesis)
}

// dataOf is the log of an author's events.
func (t *place) dataOf(author [identity.KeyBytes]byte) syncer.LogInfo {
	return t.logInfo(identity.LogName{Topic: t.ID, Author: author, PageBytes: pageBytes, Kind: identity.KindData})
}

// found begins the roster as the store does: with genesis, and the owner. A
// hostile steward may begin it otherwise.
func (a *author) found(l *log, ms int64) error {
	first := a.founding()
	wrong := -1
	if r := a.p.w.hostile; a.p.misfounds {
		wrong = r.IntN(len(first))
	}
	for i, r := range first {
		if i == wrong {
			r = a.misfounding(a.p.w.hostile, i)
		}
		b, err := rosterRecord(r, ms)
		if err != nil {
			return err
		}
		if i == wrong {
			a.breaks(l, event.BadFounding, b)
		}
		if err := l.Add(b); err != nil {
			return err
		}
	}
	return nil
}

// founding returns the records that a roster begins with.
func (a *author) founding() [2]roster.Record {
	g := a.at.genesis
	card := roster.Card{Account: g.Owner, Device: g.Steward, PageBytes: pageBytes}
	if !g.Policy.Has(identity.PolicyOpen) {
		card.KEM, card.AccountKEM = make([]byte, roster.KEMBytes), make([]byte, roster.KEMBytes)
	}
	return [...]roster.Record{
		&roster.Founding{Body: g.Append(nil)},
		&roster.Admit{Role: roster.Owner, Card: roster.SignCard(a.at.ID, card, a.at.owner.Key(), a.key)},
	}
}

// rosterRecord encodes a record of a roster.
func rosterRecord(r roster.Record, ms int64) ([]byte, error) {
	body, err := roster.Encode(nil, r)
	if err != nil {
		return nil, err
	}
	return event.AppendRecord(nil, event.Event{Type: r.Type(), Payload: body}, ms, 0)
}

// An author is a log that a peer appends to: its own, or the roster of a topic
// of which it is the steward.
type author struct {
	p      *peer
	at     *place
	info   syncer.LogInfo
	key    ed25519.PrivateKey
	behind bool // the peer may not hold all it signed: nothing is appended
}

func (p *peer) newAuthor(t *place, info syncer.LogInfo) {
	a := &author{p: p, at: t, info: info, key: p.device.AuthorKey(t.genesis)}
	p.authors, p.byLog[info.Log] = append(p.authors, a), a
	p.w.truth[info.Log] = &history{author: a}
	p.w.order = append(p.w.order, info.Log)
}

// log returns the author's own log, which its store appends to.
func (a *author) log() *log {
	l := a.p.st.log(a.info)
	l.Key, l.info.Own = a.key, true
	return l
}

// regain lets the peer append again once it holds all that it ever signed.
func (a *author) regain() {
	if a.behind && a.log().Size() == uint64(len(a.p.w.truth[a.info.Log].leaves)) {
		a.behind = false
	}
}

// authorOf returns the author of one of the peer's own logs, or nil.
func (p *peer) authorOf(log digest.Hash) *author { return p.byLog[log] }

// joined returns the topics that the peer is in, as a session takes them.
func (p *peer) joined() (all []*syncer.Topic) {
	for _, t := range p.w.places {
		if p.in[t] {
			all = append(all, &t.Topic)
		}
	}
	if p.w.opt.Control == Few && p.broken() {
		return all[:min(len(all), few)]
	}
	return all
}

// join takes a topic in, or leaves it; what is held of it stays.
func (p *peer) join(t *place, in bool) {
	if p.in[t] == in {
		return
	}
	p.w.note("peer %d is in topic %d: %v", p.nr, t.nr, in)
	p.in[t] = in
	for _, e := range p.ends {
		if in && p.w.opt.Control == Stays && p.broken() {
			continue
		}
		if in {
			e.post(syncer.TopicAdded{Topic: &t.Topic})
		} else {
			e.post(syncer.TopicRemoved{Topic: &t.Topic})
		}
	}
}

// goings lets peers leave topics and come back; some begin outside.
func (w *world) goings(r *rand.Rand, until time.Duration) {
	for _, p := range w.peers {
		if r.IntN(3) == 0 || w.opt.Control == Stays && p.broken() {
			p.join(w.places[1], false)
			for _, t := range w.places[2:] {
				p.join(t, r.IntN(3) > 0)
			}
		}
	}
	w.sometimes(r, 3*len(w.peers)+len(w.places), until, func() {
		p, t := w.peers[r.IntN(len(w.peers))], w.places[1+r.IntN(len(w.places)-1)]
		p.join(t, !p.in[t])
	})
}
