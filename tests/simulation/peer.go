// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A peer is a node: a store, the pipeline before it, and its sessions.
type peer struct {
	w       *world
	nr      int
	id      identity.PeerID
	host    string // where it is now
	device  identity.Device
	authors []*author
	byLog   map[digest.Hash]*author
	in      map[*place]bool
	spoil   int // a hostile author: one record of so many breaks a rule

	misfounds bool // a hostile steward: its rosters do not begin as they have to

	st      *store
	saved   map[digest.Hash]memory // as it is on the disk
	backup  *store
	up      bool
	life    int // counts its starts
	ends    []*end
	links   syncer.Links[*end]
	dials   dials
	fetches map[digest.Hash]*fetch

	works      []work
	committing bool
	disk       error // what a commit fails with
	readOnly   bool  // until the restart
	held       map[digest.Hash]uint64

	rate  float64 // of its clock
	ahead time.Duration
	slow  time.Duration
	count int  // ingests, for the controls
	numb  bool // as well
}

// A history is all that an author ever appended to a log.
type history struct {
	author *author
	leaves []digest.Hash

	bad    event.Reason // what the first record breaks that breaks a rule, or 0;
	end    uint64       // where it is,
	record []byte       // and what it is
}

// counts returns how many events count.
func (h *history) counts() uint64 {
	if h.bad != 0 {
		return h.end
	}
	return uint64(len(h.leaves))
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
	d := identity.Device{Seed: identity.Seed{byte(nr + 1), byte(nr >> 8), 1}, Generation: identity.Generation{byte(nr + 1)}}
	p := &peer{
		w: w, nr: nr, id: d.PeerID(), device: d, st: newStore(w), rate: 1, in: map[*place]bool{}, byLog: map[digest.Hash]*author{},
		held: map[digest.Hash]uint64{}, fetches: map[digest.Hash]*fetch{},
	}
	w.byPeer[p.id] = p
	p.settleAt(w.newHost(goodNet))
	p.dials.keep = map[identity.PeerID]string{}
	p.save()
	return p
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

// append appends events of the peer's own, or records of a roster.
func (a *author) append(sizes []int) {
	p := a.p
	if !p.up || !p.in[a.at] {
		return
	}
	p.enqueue(work{log: a.info.Log, do: func() error {
		l := a.log()
		if a.behind || l.info.Ends {
			return errReadOnly
		}
		if l.Size() == 0 && a.info.Kind == identity.KindRoster {
			if err := a.found(l, p.stamp(l)); err != nil {
				return err
			}
		}
		for _, n := range sizes {
			if err := a.write(l, n); err != nil {
				return err
			}
		}
		h := p.w.truth[a.info.Log]
		h.leaves = append(h.leaves, l.Leaves[len(h.leaves):]...)
		l.SignAll()
		p.st.changed(l)
		return nil
	}, done: func(error) {}})
}

// write puts one record of the author behind the others.
func (a *author) write(l *log, size int) error {
	a.p.w.stats.Events++
	if a.spoils() {
		r, why := a.bad(a.p.w.hostile, l.Time(), size)
		a.breaks(l, why, r)
		return l.Add(r)
	}
	r, err := a.good(a.p.w.content, a.p.stamp(l), l.Size(), size)
	if err != nil {
		return err
	}
	return l.Add(r)
}

// breaks takes note that the next record breaks a rule of its log, which so ends.
func (a *author) breaks(l *log, why event.Reason, record []byte) {
	if h := a.p.w.truth[a.info.Log]; h.bad == 0 {
		h.bad, h.end, h.record = why, l.Size(), record
		a.p.w.bad = append(a.p.w.bad, a)
		a.p.w.note("peer %d breaks a rule in log %s at %d: %v", a.p.nr, a.info.Log.Short(), l.Size(), why)
	}
	a.p.w.stats.Bad++
}

// stamp is the time of the next record: the clock's, if that has not gone back.
func (p *peer) stamp(l *log) int64 { return max(l.Time(), p.clock().UnixMilli()) }

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
		if err := errs[i]; err != nil && !errors.Is(err, errGap) && !errors.Is(err, errReadOnly) && !errors.Is(err, syncer.ErrClosed) {
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
	if l == nil || l.Size() == p.held[id] {
		return
	}
	before := p.held[id]
	p.w.judgeLog(p, l, before)
	p.held[id] = l.Size()
	if a := p.authorOf(id); a != nil {
		a.regain()
	}
	for _, e := range p.ends {
		e.post(syncer.Advanced{Log: id, Before: before})
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
		p.st, p.saved = older.copied(), older.memories()
		p.held = map[digest.Hash]uint64{}
		for id, l := range p.st.logs {
			p.held[id] = l.Size()
		}
	} else {
		p.st = p.st.copied()
		p.st.remember(p.saved)
	}
	for _, a := range p.authors {
		a.behind = a.behind || older != nil
		a.regain()
	}
	if p.w.opt.Control == Forgets && p.broken() && p.life > 0 && older == nil {
		p.forget()
	}
	p.w.note("peer %d starts, from a backup: %v", p.nr, older != nil)
	p.w.judgeStart(p)
	p.openBook()
}

// save makes durable what the peer remembers of others.
func (p *peer) save() {
	p.saved = p.st.memories()
	p.saveBook()
}

// broken reports whether a control breaks this peer.
func (p *peer) broken() bool { return p.w.opt.Control != Sound && p.nr == 1 }

// forget drops the newest event of each log.
func (p *peer) forget() {
	for _, id := range p.w.order {
		if l := p.st.logs[id]; l != nil && l.Size() > 0 {
			if err := l.Cut(l.Size() - 1); err != nil {
				p.w.fail("%v", err)
			}
			l.info.Ends, l.info.End, l.why = false, 0, 0
		}
	}
}

// ingest stores what is verified.
func (p *peer) ingest(v syncer.Verified) error {
	err := p.st.ingest(v)
	if h := p.w.truth[v.Info.Log]; err == nil && v.Closed != 0 && p.w.opt.Control == Lenient && p.broken() {
		return p.st.logs[v.Info.Log].Add(h.record)
	}
	return err
}
