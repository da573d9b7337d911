// SPDX-License-Identifier: MPL-2.0

package families

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// Options of a run.
type Options struct {
	Seed  uint64
	Steps int    // 0 is 30
	Dir   string // where its stores lie; they are removed
	// Control leaves a store out in the end, which is to be seen.
	Control bool
	Relay   bool // one store keeps back what others wrote; so it is with each fourth seed anyway
}

// An Outcome is what came of a run.
type Outcome struct {
	Seed  uint64
	Wrong []string // nothing if all that belong agree
	Trace []string // what happened, step by step
	Stats Stats
}

// Stats count what runs did.
type Stats struct{ Runs, Clones, Terms, Handovers, Removed, Folds, Relays, Withheld, Relented, Events int }

// Add adds those of another run.
func (s *Stats) Add(o Stats) {
	s.Runs += o.Runs
	s.Clones += o.Clones
	s.Terms += o.Terms
	s.Handovers += o.Handovers
	s.Removed += o.Removed
	s.Folds += o.Folds
	s.Relays += o.Relays
	s.Withheld += o.Withheld
	s.Relented += o.Relented
	s.Events += o.Events
}

// A game is a world with the parts that its stores play: three accounts, of which one has
// two devices, and from some point on a clone of the steward.
type game struct {
	*world
	owner, ann, ann2, bob *person
	clone                 *person    // of the steward of then; nil if there is none
	cloned                *person    // that it is one of
	out                   *person    // who meets nobody in the end, under Control; else nil
	relay                 *relay     // nil if there is none
	fate                  *rand.Rand // of the relay, so that the same happens without one
	hidden                int        // events that those who belong could not read when they were last asked
	stats                 Stats
}

// Play plays a family.
func Play(o Options) (out Outcome) {
	g := &game{world: newWorld(o.Dir, o.Seed)}
	defer func() {
		why := recover()
		if s, stopped := why.(stop); stopped {
			g.fail("%v", s.error)
		} else if why != nil {
			panic(why)
		}
		g.stop()
		out = Outcome{o.Seed, g.wrong, g.trace, g.stats}
	}()
	if o.Steps == 0 {
		o.Steps = 30
	}
	g.stats.Runs = 1
	g.found()
	if o.Relay || o.Seed%4 == 3 {
		g.relays()
	}
	for range o.Steps {
		if g.relay != nil && g.fate.IntN(5) == 0 {
			g.relay.draw(g.fate, g.authors())
		}
		g.step()
	}
	g.decide()
	if o.Control {
		g.leavesOut()
	}
	g.settle()
	g.checkFolds()
	if g.relay != nil {
		g.stats.Relays, g.stats.Withheld = 1, g.relay.count()
	}
	return out
}

// checkFolds closes each store, and holds what it showed against its roster.
func (g *game) checkFolds() {
	for _, p := range g.all {
		if p.db == nil {
			continue
		}
		shown, err := p.shows()
		g.must(err)
		g.must(p.close())
		if err := p.checkFold(shown); err != nil {
			g.fail("%s by the second fold: %v", p.name, err)
		}
		g.stats.Folds++
	}
}

// found has all but the clone join.
func (g *game) found() {
	g.owner = g.founder("owner")
	g.ann, g.bob = g.admit(g.owner, "ann", xaeroflux.RoleAdmin), g.admit(g.owner, "bob", xaeroflux.RoleAdmin)
	g.ann2 = g.device(g.ann, "annb")
	for _, p := range []*person{g.ann, g.bob, g.ann2} {
		_ = g.meet(p, g.owner, time.Second)
	}
}

// relays makes one of the stores a relay that withholds.
func (g *game) relays() {
	g.fate = rand.New(rand.NewPCG(g.seed, 15))
	p := g.all[g.fate.IntN(len(g.all))]
	g.relay = &relay{name: p.name, own: authorOf(p)}
	g.relay.draw(g.fate, g.authors())
	g.net.relays(g.relay)
	g.tell("%s withholds what others wrote", p.name)
}

// orRelay returns the relay in the place of another store, most of the time: what those who
// meet nobody else learn is what it lets through.
func (g *game) orRelay(q *person) *person {
	if g.relay == nil || g.fate.IntN(3) == 0 {
		return q
	}
	return g.all[slices.IndexFunc(g.all, func(p *person) bool { return p.name == g.relay.name })]
}

// authors are those that the family began with.
func (g *game) authors() (all [][32]byte) {
	for _, p := range []*person{g.owner, g.ann, g.ann2, g.bob} {
		all = append(all, authorOf(p))
	}
	return all
}

// device makes a copy of a store, which is another device of its person.
func (g *game) device(p *person, name string) *person {
	g.must(p.close())
	c := &person{name: name, dir: filepath.Join(g.dir, name), account: p.account}
	g.must(os.CopyFS(c.dir, os.DirFS(p.dir)))
	g.must(os.Chmod(filepath.Join(c.dir, "identity.key"), 0o600))
	g.open(p, "")
	g.open(c, "")
	g.all = append(g.all, c)
	for i := range 40 {
		_ = g.meet(c, g.owner, time.Second)
		if g.know(c) && g.say(c) == nil {
			return c
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
	}
	panic(stop{fmt.Errorf("%s is no device of %s", c.name, p.name)})
}

func (g *game) pick() *person { return g.all[g.r.IntN(len(g.all))] }

// steward returns a store that writes the roster by what it holds, or nil.
func (g *game) steward() *person {
	for _, i := range g.r.Perm(len(g.all)) {
		p := g.all[i]
		if p.db == nil {
			continue
		}
		if s, err := p.topic.Roster(); err == nil && s.Self {
			return p
		}
	}
	return nil
}

func (g *game) step() {
	p, q := g.pick(), g.pick()
	switch n := g.r.IntN(20); {
	case n < 5:
		if p.db != nil && p != g.clone { // the clone's log is the other one's, too
			g.tell("%s says: %v", p.name, g.say(p))
		}
	case n < 12:
		g.withheld(p, g.orRelay(q))
	case n < 15:
		g.away(p)
	case n < 16:
		g.asks(g.ann, g.bob)
		g.asks(g.bob, g.ann)
	case n < 17:
		g.moves(q)
	case n < 18:
		g.copies()
	case n < 19:
		if s := g.steward(); s != nil {
			g.tell("%s trusts: %v", s.name, s.topic.TrustRoster(ctx))
		}
	default:
		if g.r.IntN(4) == 0 {
			g.takesOver()
		}
	}
}

// withheld lets two stores sync. Often one of them keeps something back, or the connection
// is cut: the roster came, say, and the boxes did not.
func (g *game) withheld(p, q *person) {
	if p == q || p.db == nil || q.db == nil {
		return
	}
	what := "all"
	switch g.r.IntN(3) {
	case 0:
		bytes := int64(1) << (6 + g.r.IntN(9))
		what = fmt.Sprint(bytes, " bytes")
		g.net.mem.CutAfter(p.peer(), q.peer(), bytes)
		defer g.net.mem.CutAfter(p.peer(), q.peer(), -1)
	case 1:
		if err := q.topic.Follow(ctx, xaeroflux.Name(p.topic.Log().ID())); err == nil {
			what = q.name + " one log"
		}
		defer func() { g.must(q.topic.FollowAll(ctx)) }()
	}
	g.tell("%s meets %s, %s: %v", p.name, q.name, what, g.meet(p, q, 200*time.Millisecond))
}

// away closes a store, or opens it again.
func (g *game) away(p *person) {
	if p.db == nil {
		g.open(p, "")
		g.tell("%s is back", p.name)
		return
	}
	g.must(p.close())
	g.tell("%s goes", p.name)
}

// asks has somebody ask for a removal.
func (g *game) asks(p, q *person) {
	if p.db == nil || g.r.IntN(3) > 0 {
		return
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	g.tell("%s removes %s: %v", p.name, q.name, p.topic.Remove(short, q.account))
}

// moves hands the roster over to somebody.
func (g *game) moves(to *person) {
	from := g.steward()
	if from == nil || to.db == nil || from == to || to.db.PeerID() == from.db.PeerID() {
		return
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_ = to.topic.AskHandover(short)
	_ = g.meet(to, from, 300*time.Millisecond)
	err := from.topic.Handover(ctx, to.topic.Log().Author())
	if g.tell("%s hands over to %s: %v", from.name, to.name, err); err == nil {
		g.stats.Handovers++
		_ = g.meet(to, from, 300*time.Millisecond)
	}
}

// copies runs a copy of the steward beside it.
func (g *game) copies() {
	s := g.steward()
	if g.clone != nil || s == nil {
		return
	}
	g.cloned, g.clone = s, g.world.clone(s)
	for _, p := range []*person{s, g.clone} {
		_ = p.topic.TrustRoster(ctx)
		_, err := p.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.Role(2 + g.r.IntN(3))})
		g.tell("%s invites: %v", p.name, err)
	}
	g.stats.Clones++
}

func (g *game) takesOver() {
	if g.owner.db == nil {
		return
	}
	err := g.owner.topic.TakeOver(ctx)
	if g.tell("the owner takes over: %v", err); err == nil {
		g.stats.Terms++
	}
}

// decide ends what is in doubt: all come back, and a roster that two wrote is taken over.
func (g *game) decide() {
	for _, p := range g.all {
		if p.db == nil {
			g.away(p)
		}
	}
	if g.clone == nil {
		return
	}
	if other := g.cloned; g.cloned == g.owner { // its clone has the owner's key, and is the thief
		g.must(g.clone.close())
		g.tell("%s is gone", g.clone.name)
	} else if other.account == g.owner.account {
		return
	}
	g.takesOver()
}

// leavesOut has the owner write what one of the stores that belong never hears of.
func (g *game) leavesOut() {
	for _, p := range g.all {
		if p != g.owner && p.db != nil && g.belongs(p) {
			g.out = p
		}
	}
	g.tell("the owner says: %v", g.say(g.owner))
}

// relayLimit is how long a sync with a relay may take, which ends only if nothing is
// withheld.
const relayLimit = 300 * time.Millisecond

// rounds is how often all meet all before they have to agree.
const rounds = 8

// roundsForKeys is how often they meet on once they agree, if some cannot read all: the key
// of what they cannot read may be void, or not be here yet (checkHidden tells).
const roundsForKeys = 2

// honest is after how many of these a relay brings all, if that was not enough: it may be
// that it alone holds what somebody wrote who was removed since.
const honest = rounds / 2

// settle lets all meet until those who belong agree.
func (g *game) settle() {
	var apart []string
	more := roundsForKeys
	for round := range rounds {
		if g.relay != nil && round == honest {
			g.relay.relents()
			g.stats.Relented++
			g.tell("%s withholds nothing any more", g.relay.name)
		}
		for _, i := range g.r.Perm(len(g.all)) {
			for _, j := range g.r.Perm(len(g.all)) {
				if p, q := g.all[i], g.all[j]; i < j && p.db != nil && q.db != nil && p != g.out && q != g.out {
					limit := time.Duration(1+i) * 500 * time.Millisecond
					if g.relay != nil && round < honest && (g.relay.name == p.name || g.relay.name == q.name) {
						limit = relayLimit
					}
					if err := g.meet(p, q, limit); err != nil {
						g.tell("in the end %s meets %s: %v", p.name, q.name, err)
					}
				}
			}
		}
		if apart = g.apart(); len(apart) == 0 {
			if more--; more < 0 || g.hidden == 0 {
				return
			}
		}
		if s := g.steward(); s != nil && round == 1 {
			_ = s.topic.TrustRoster(ctx)
		}
	}
	for _, x := range apart {
		g.fail("%s", x)
	}
}

// belongs reports whether a person does by what the owner holds.
func (g *game) belongs(p *person) bool {
	members, err := g.owner.topic.Members()
	g.must(err)
	for _, m := range members {
		for _, d := range m.Devices {
			if d.Log == p.topic.Log().ID() {
				return true
			}
		}
	}
	return false
}

// mayHide reports whether some may read what others never will: what was sealed in a part
// that a take-over made void, with a key that was made there.
func (g *game) mayHide() bool { return g.stats.Terms > 0 }

// apart returns what those who belong do not agree on.
func (g *game) apart() (all []string) {
	members, err := g.owner.members()
	g.must(err)
	at, err := g.owner.topic.Roster()
	g.must(err)
	forked, err := g.owner.forked()
	g.must(err)
	want, sealed, err := g.owner.reads(forked)
	g.must(err)
	g.stats.Events, g.hidden = len(want)+sealed, sealed
	for _, p := range g.all {
		if p.db == nil || p == g.owner {
			continue
		}
		if !g.belongs(p) {
			g.stats.Removed++
			continue // it hears nothing more
		}
		got, err := p.members()
		g.must(err)
		now, err := p.topic.Roster()
		g.must(err)
		if got != members || now.Size != at.Size || now.Root != at.Root {
			all = append(all, fmt.Sprintf("%s is at %d.%d.%d and knows %s; the owner is at %d.%d.%d and knows %s",
				p.name, now.Term, now.Leg, now.Size, got, at.Term, at.Leg, at.Size, members))
		}
		if own, err := p.forked(); err != nil || !slices.Equal(own, forked) {
			all = append(all, fmt.Sprintf("%s knows of the forked logs %v, the owner of %v: %v", p.name, own, forked, err))
		}
		read, hidden, err := p.reads(forked)
		g.hidden += hidden
		if err == nil && (len(read)+hidden != len(want)+sealed || !g.mayHide() && hidden != sealed) {
			err = errors.New("other events")
		}
		if err != nil {
			all = append(all, fmt.Sprintf("%s reads %q and %d sealed, the owner %q and %d: %v", p.name, read, hidden, want, sealed, err))
		}
	}
	return all
}
