// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A peer is a node: a store, the pipeline before it, and its sessions.
type peer struct {
	w        *world
	nr       int
	id       identity.PeerID
	instance [16]byte
	key      ed25519.PrivateKey
	own      digest.Hash

	st      *store
	saved   memory // as it is on the disk
	backup  *store
	up      bool
	life    int // counts its starts
	ends    []*end
	links   syncer.Links[*end]
	fetches map[digest.Hash]*fetch

	works      []work
	committing bool
	disk       error // what a commit fails with
	readOnly   bool  // until the restart
	held       map[digest.Hash]uint64
	behind     bool // it may not hold all it signed: nothing is appended

	rate  float64 // of its clock
	ahead time.Duration
	slow  time.Duration
	count int  // ingests, for the controls
	numb  bool // as well
}

// A history is all that an author ever appended to a log.
type history struct {
	author *peer
	leaves []digest.Hash
}

// A work waits to be committed.
type work struct {
	log  digest.Hash
	do   func() error
	done func(error)
}

var (
	errDisk     = errors.New("the disk says no")
	errReadOnly = errors.New("the store is read-only")
)

func (w *world) newPeer(nr int) *peer {
	seed := identity.Seed{byte(nr + 1), byte(nr >> 8), 1}
	p := &peer{
		w: w, nr: nr, id: seed.PeerID(), key: seed.AuthorKey(topic.ID()), st: newStore(), rate: 1,
		held: map[digest.Hash]uint64{}, fetches: map[digest.Hash]*fetch{},
	}
	p.save()
	p.instance[0], p.instance[1] = byte(nr), byte(nr>>8)
	info := logInfo(topic, p.key)
	p.own = info.Log
	w.truth[p.own] = &history{author: p}
	return p
}

// ownLog returns the peer's own log, which its store appends to.
func (p *peer) ownLog() *log {
	l := p.st.log(logInfo(topic, p.key))
	l.key, l.info.Own = p.key, true
	return l
}

// later does something unless the peer was restarted meanwhile.
func (p *peer) later(d time.Duration, do func()) {
	life := p.life
	p.w.after(d, func() {
		if p.up && p.life == life {
			do()
		}
	})
}

// append appends events of the peer's own.
func (p *peer) append(sizes []int) {
	if !p.up || p.behind {
		return
	}
	p.enqueue(work{log: p.own, do: func() error {
		if p.behind {
			return errReadOnly
		}
		l, h := p.ownLog(), p.w.truth[p.own]
		for _, n := range sizes {
			text := fmt.Sprintf("%d of peer %d ", l.size(), p.nr)
			e := event.Event{Type: "t", Payload: append([]byte(text), make([]byte, n)...)}
			r, err := event.AppendRecord(nil, e, int64(p.w.now/time.Millisecond), 0)
			if err == nil {
				err = l.add(r)
			}
			if err != nil {
				return err
			}
			h.leaves = append(h.leaves, l.leaves[l.size()-1])
			p.w.stats.Events++
		}
		l.sign()
		p.st.dirty = append(p.st.dirty, p.own)
		return nil
	}, done: func(error) {}})
}

// enqueue hands work to the pipeline, which commits all that waits at once.
func (p *peer) enqueue(x work) {
	p.works = append(p.works, x)
	if !p.committing {
		p.committing = true
		p.later(between(p.w.net, time.Millisecond, 20*time.Millisecond), p.commit)
	}
}

func (p *peer) commit() {
	works := p.works
	p.works, p.committing = nil, false
	if p.disk != nil {
		for _, x := range works {
			x.done(p.disk)
		}
		return
	}
	errs := make([]error, len(works))
	for i, x := range works {
		errs[i] = x.do()
		if err := errs[i]; err != nil && !errors.Is(err, errGap) && !errors.Is(err, errReadOnly) {
			p.w.fail("peer %d was brought what it cannot store: %v", p.nr, err)
		}
		p.grew(x.log)
	}
	for i, x := range works {
		x.done(errs[i])
	}
}

// grew tells the sessions of a log that has more events, and the oracle.
func (p *peer) grew(id digest.Hash) {
	l := p.st.logs[id]
	if l == nil || l.size() == p.held[id] {
		return
	}
	p.w.judgeLog(p, l, p.held[id])
	p.held[id] = l.size()
	if id == p.own {
		p.regain()
	}
	for _, e := range p.ends {
		e.post(syncer.Advanced{Log: id})
	}
}

// regain lets the peer append again once it holds all that it ever signed.
func (p *peer) regain() {
	if p.behind && p.ownLog().size() == uint64(len(p.w.truth[p.own].leaves)) {
		p.behind = false
	}
}

// clock is what the peer takes for the time.
func (p *peer) clock() time.Time {
	return time.Unix(1_700_000_000, 0).Add(p.ahead + time.Duration(float64(p.w.now)*p.rate))
}

// stop ends the peer at once: what its pipeline had not committed is lost.
func (p *peer) stop() {
	p.w.note("peer %d stops", p.nr)
	p.up = false
	p.life++
	p.works, p.committing = nil, false
	for _, e := range slices.Clone(p.ends) {
		e.conn.sever(e)
	}
	p.fetches = map[digest.Hash]*fetch{}
	p.links = syncer.Links[*end]{}
}

// start begins again from the disk, or from an older copy of it.
func (p *peer) start(older *store) {
	p.up = true
	p.disk, p.readOnly = nil, false
	if older != nil {
		p.st, p.saved, p.behind = older.copied(), older.memory.copied(), true
		p.held = map[digest.Hash]uint64{}
		for id, l := range p.st.logs {
			p.held[id] = l.size()
		}
	} else {
		p.st = p.st.copied()
		p.st.memory = p.saved.copied()
	}
	if p.w.opt.Control == Forgets && p.broken() && p.life > 0 && older == nil {
		p.forget()
	}
	p.w.note("peer %d starts, from a backup: %v", p.nr, older != nil)
	p.regain()
	p.w.judgeStart(p)
	for _, g := range p.w.edges {
		if g.dials(p) {
			g.dialing[p], g.pause[p] = false, 0
			g.dial(p, between(p.w.net, 0, time.Second))
		}
	}
}

// save makes durable what the peer remembers of others.
func (p *peer) save() { p.saved = p.st.memory.copied() }

// broken reports whether a control breaks this peer.
func (p *peer) broken() bool { return p.w.opt.Control != Sound && p.nr == 1 }

// forget drops the newest event of each log.
func (p *peer) forget() {
	for _, id := range p.st.keys {
		if l := p.st.logs[id]; l.size() > 0 {
			n := l.size() - 1
			right, err := l.rightOf(n)
			if err != nil {
				p.w.fail("%v", err)
			}
			l.records, l.leaves, l.peaks, l.roots, l.right, l.builder = l.records[:n], l.leaves[:n], l.peaks[:n], l.roots[:n], right, nil
		}
	}
}
