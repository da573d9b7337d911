// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// asks has a member ask for something, and returns the ask, which the steward has not
// heard of.
func (s *seat) asks(do func(ctx context.Context) error) roster.AskRef {
	t := s.court.t
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := do(short); !errors.Is(err, xaeroflux.ErrAsked) {
		t.Fatalf("an ask: %v", err)
	}
	return roster.AskRef{Log: s.log(), Seq: s.topic.Log().Size() - 1}
}

// A steward that writes what the rules do not allow changes nothing, whoever it says asked
// for it: every member sees the record and why it is void, and can prove who wrote it.
func TestStewardsThatBreakTheRules(t *testing.T) {
	stranger := newDevice(t)
	for _, c := range []struct {
		name string
		why  roster.Void
		// prepare is called while the steward is away; what it returns writes the lie.
		prepare func(c *court) func(l *liar)
	}{
		{"a writer's ask for a removal", roster.VoidRight, func(c *court) func(*liar) {
			ask := c.victim.asks(func(ctx context.Context) error {
				return c.victim.topic.Remove(ctx, xaeroflux.AccountKey(c.witness.account))
			})
			return writes(func(*liar) roster.Record {
				return &roster.Remove{Ask: ask, Target: roster.Target{Account: c.witness.account}}
			})
		}},
		{"an admin's ask to demote the owner", roster.VoidOwner, func(c *court) func(*liar) {
			owner := c.steward.account
			ask := c.witness.asks(func(ctx context.Context) error {
				return c.witness.topic.SetRole(ctx, xaeroflux.AccountKey(owner), xaeroflux.RoleReader)
			})
			return writes(func(*liar) roster.Record {
				return &roster.SetRole{Ask: ask, Change: roster.RoleChange{Account: owner, Role: roster.Reader}}
			})
		}},
		{"an ask that is settled, once more", roster.VoidSettled, func(c *court) func(*liar) {
			ask := roster.AskRef{Log: c.witness.log(), Seq: 0} // by which the admin joined
			return writes(func(*liar) roster.Record {
				return &roster.Remove{Ask: ask, Target: roster.Target{Account: c.victim.account}}
			})
		}},
		{"an ask in another topic", roster.VoidAsk, func(c *court) func(*liar) {
			other, err := c.witness.db.CreateTopic(ctx, "another", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
			storetest.Must(c.t, err)
			_, err = other.Append(ctx, xaeroflux.Event{Payload: []byte("x")})
			storetest.Must(c.t, err)
			ask := roster.AskRef{Log: digest.Hash(other.Log().ID())}
			return writes(func(*liar) roster.Record {
				return &roster.Remove{Ask: ask, Target: roster.Target{Account: c.victim.account}}
			})
		}},
		{"a device that its account did not sign for", roster.VoidSignature, func(c *court) func(*liar) {
			return writes(func(l *liar) roster.Record {
				key := stranger.AuthorKey(l.at.Genesis)
				card := roster.DeviceCard{Account: c.victim.account, Device: pub(key), PageBytes: 4096, KEM: kemKey(1)}
				d := roster.SignDevice(l.at.ID, card, l.key(), key)
				return &roster.AddDevice{Device: d, Boxes: l.boxes(1)}
			})
		}},
		{"an epoch for all but one", roster.VoidEpoch, func(c *court) func(*liar) {
			victim := c.victim.author
			return func(l *liar) {
				l.epoch(func(e *lie) { e.leaveOut(victim) })
			}
		}},
		{"an epoch with a box too few", roster.VoidBoxes, func(c *court) func(*liar) {
			victim := c.victim.author
			return func(l *liar) {
				l.epoch(func(e *lie) { e.fewer(victim) })
			}
		}},
		{"an epoch of another number", roster.VoidEpoch, func(*court) func(*liar) {
			return func(l *liar) { l.epoch(func(e *lie) { e.record.Number += 5 }) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			court := newCourt(t)
			before := court.victim.members()
			court.close(court.steward)
			court.lie(c.prepare(court))
			court.meet()
			for _, s := range []*seat{court.victim, court.witness} {
				f := s.fault(xaeroflux.FaultVoid, string(c.why))
				s.hears(f)
				s.proves(f, court.steward.author)
				if after := s.members(); after != before {
					t.Errorf("the %s knows as members %s; before it were %s", s.name, after, before)
				}
			}
			court.goesOn()
		})
	}
}

func writes(record func(l *liar) roster.Record) func(l *liar) {
	return func(l *liar) { l.write(record(l)) }
}

// goesOn checks that members read each other as if nothing had been.
func (c *court) goesOn() {
	c.t.Helper()
	c.victim.append("by-the-victim")
	c.witness.append("by-the-witness")
	storetest.Await(c.t, func() bool {
		c.meet()
		want := "before by-the-victim by-the-witness"
		return c.victim.reads() == want && c.witness.reads() == want && c.steward.reads() == want
	})
}

// A steward says that a member asked for what the member did not ask for: as far as the
// rules go it counts, and every member sees that the ask is another one, or is not there.
func TestStewardsThatInventAsks(t *testing.T) {
	c := newCourt(t)
	c.witness.append("an-event-that-asks-for-nothing")
	none := roster.AskRef{Log: c.witness.log(), Seq: c.witness.topic.Log().Size() - 1}
	c.meet()
	c.close(c.steward)
	asked := c.witness.asks(func(ctx context.Context) error {
		return c.witness.topic.SetRole(ctx, xaeroflux.AccountKey(c.victim.account), xaeroflux.RoleReader)
	})
	change := func(ask roster.AskRef, r roster.Role) roster.Record {
		return &roster.SetRole{Ask: ask, Change: roster.RoleChange{Account: c.victim.account, Role: r}}
	}
	c.lie(func(l *liar) {
		l.write(change(none, roster.Admin), change(asked, roster.Writer), change(roster.AskRef{Log: asked.Log, Seq: asked.Seq + 9}, roster.Admin))
	})
	c.meet()
	for _, s := range []*seat{c.victim, c.witness} {
		for _, ask := range []roster.AskRef{none, asked} {
			f := s.fault(xaeroflux.FaultAsk, fmt.Sprintf("event %d of log %s, which says something else", ask.Seq, ask.Log.Short()))
			s.hears(f)
			s.proves(f, c.steward.author)
		}
		s.fault(xaeroflux.FaultNoAsk, "is not here")
	}
}

// A steward that leaves a member out of an epoch, though its record names it, or gives it
// another secret or join key than the others: the member sees which and proves it, all others
// read on, and so does the member once it has another box.
func TestEpochsThatLeaveOneOut(t *testing.T) {
	for name, x := range map[string]struct {
		kind  xaeroflux.FaultKind
		spoil func(e *lie, victim, account roster.Key)
	}{
		"no box":           {xaeroflux.FaultNoBox, func(e *lie, victim, account roster.Key) { e.noBox(victim); e.noBox(account) }},
		"a box of noise":   {xaeroflux.FaultWrongBox, func(e *lie, victim, account roster.Key) { e.noise(victim); e.noise(account) }},
		"another join key": {xaeroflux.FaultWrongBox, func(e *lie, victim, account roster.Key) { e.otherJoin(victim); e.otherJoin(account) }},
		"another secret":   {xaeroflux.FaultWrongBox, func(e *lie, victim, account roster.Key) { e.otherSecret(victim); e.otherSecret(account) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			victim, account := c.victim.author, c.victim.account
			c.close(c.steward)
			c.lie(func(l *liar) { l.epoch(func(e *lie) { x.spoil(e, victim, account) }) })
			c.steward.sync(c.victim)
			c.steward.sync(c.witness)
			f := c.victim.fault(x.kind, "epoch 1")
			c.victim.hears(f)
			c.victim.proves(f, c.steward.author)
			c.witness.sound()
			c.accuses(f, x.kind == xaeroflux.FaultWrongBox)
			c.witness.append("after")
			storetest.Await(t, func() bool { // the victim asks for another box, and goes on
				c.meet()
				return c.steward.reads() == "after before" && c.victim.reads() == "after before"
			})
			c.victim.fault(x.kind, "epoch 1") // what was done to it stays
		})
	}
}

// accuses has the victim prove to the witness that its box is false, and no one else that
// his is.
func (c *court) accuses(f xaeroflux.RosterFault, proven bool) {
	c.t.Helper()
	text, err := c.victim.topic.ProveBox(f)
	if (err == nil) != proven || err != nil && !errors.Is(err, xaeroflux.ErrBoxProof) {
		c.t.Errorf("the victim proves that its box is false: %v", err)
	}
	other := regexp.MustCompile("seed ..").ReplaceAll(text, []byte("seed 77"))
	if _, err := c.witness.topic.VerifyBox(other); !errors.Is(err, xaeroflux.ErrBoxProof) {
		c.t.Errorf("the seed of another key proves that the box is false: %v", err)
	}
	if by, err := c.witness.topic.VerifyBox(text); (err == nil && roster.Key(by) == c.steward.author) != proven {
		c.t.Errorf("the witness takes the proof as one against %s, %v", by.Short(), err)
	}
	if _, err := c.witness.topic.ProveBox(f); !errors.Is(err, xaeroflux.ErrBoxProof) {
		c.t.Errorf("the witness proves that its box is false, which is right: %v", err)
	}
}

// The command shows what is wrong with a roster, and what it says proves that.
func TestFaultsAsTheyAreTyped(t *testing.T) {
	c := newCourt(t)
	c.close(c.steward)
	c.lie(writes(func(*liar) roster.Record { return &roster.Uninvite{Invite: roster.Key{9}} }))
	c.meet()
	f := c.witness.fault(xaeroflux.FaultVoid, string(roster.VoidUnknown))
	c.close(c.witness)
	shown := string(storetest.Command(t, nil, "roster", "--dir", c.witness.dir, "--topic", "court"))
	prove := fmt.Sprintf("xaeroflux prove %d --log %s", f.Seq, f.Log)
	if !strings.Contains(shown, "fault    void: ") || !strings.Contains(shown, prove) {
		t.Errorf("roster shows %s", shown)
	}
	args := append(strings.Fields(prove)[1:], "--dir", c.witness.dir, "--topic", "court")
	if file, err := proof.ParseFile(storetest.Command(t, nil, args...)); err != nil || file.Index != f.Seq {
		t.Errorf("%s writes %+v, %v", prove, file, err)
	}
}

// A member accuses an honest steward with the seed of a key that it took up later, which
// opens no older box: that proves nothing.
func TestAccusedByANewerKey(t *testing.T) {
	c := newCourt(t)
	c.close(c.victim)
	c.close(c.steward)
	seed := seal.Secret{9, 9}
	c.lie(func(l *liar) {
		l.epoch(func(*lie) {}) // an honest one
		var key ed25519.PrivateKey
		storetest.Edit(t, c.victim.dir, func(s *store.Store) { key = s.Device().AuthorKey(l.at.Genesis) })
		d, _ := l.st.Device(c.victim.author)
		log, _ := l.st.Log(d.Log)
		card := roster.DeviceCard{
			Account: c.victim.account, Device: c.victim.author, PageBytes: log.PageBytes, Number: log.Number, KEM: seal.NewPrivateKey(seed).Public()[:],
		}
		l.write(&roster.AddDevice{Device: roster.SignDevice(l.at.ID, card, key, key), Boxes: l.boxes(1)})
	})
	storetest.Await(t, func() bool {
		c.steward.sync(c.witness)
		at, err := c.witness.topic.Roster()
		storetest.Must(t, err)
		return at.Size >= 9
	})
	for _, f := range must(c.witness.topic.Roster()).Faults {
		t.Errorf("the witness shows %v", &f)
	}
	accusation := store.BoxProof{Topic: digest.Hash(c.id), Epoch: 1, Recipient: c.victim.author, Seed: identity.Secret(seed)}
	if by, err := c.witness.topic.VerifyBox(accusation.Encode()); !errors.Is(err, xaeroflux.ErrBoxProof) {
		t.Errorf("the witness takes it for a proof against %s, %v", by.Short(), err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
