// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// named returns a log of records without meaning, of any name but for the
// author, who is the foe.
func (f *foe) named(change func(n *identity.LogName), records int) *evilpeer.Log {
	f.t.Helper()
	key := f.newKey()
	n := identity.DataLog(f.topic.Topic(), identity.PublicKey(key), f.topic.Genesis.PageBytes)
	change(&n)
	all := make([][]byte, records)
	for i := range all {
		r := eventtest.Raw{Time: 1, Type: "xf/uninvite", Payload: fmt.Appendf(nil, "%072d", i)}
		all[i] = r.Record()
	}
	l, err := evilpeer.NewLogOf(n, key, all...)
	storetest.Must(f.t, err)
	return l
}

// uncounted says everything that there is to say of a log that is no part of
// the topic: it is passed over, nobody is blamed, and nothing is stored.
func uncounted(name string, change func(f *foe, n *identity.LogName)) attack {
	return greeted(name, shrugged, 0, func(f *foe) error {
		l := f.named(func(n *identity.LogName) { change(f, n) }, 7000)
		has := []messages.LogSize{{Log: l.ID, Size: 7000}}
		return f.Send(
			l.Events(0, 100), l.Events(100, 200), l.Events(300, 301), evilpeer.Part(l.State()),
			&messages.Have{Logs: has}, l.Events(0, 1),
		)
	})
}

// listedUncounted lists such a log among all that there is.
func listedUncounted(name string, change func(f *foe, n *identity.LogName)) attack {
	return greeted(name, shrugged, 0, func(f *foe) error {
		return f.Send(evilpeer.List(f.named(func(n *identity.LogName) { change(f, n) }, 7000).State()))
	})
}

// strangers are logs that are no part of an open topic.
func strangers() []attack {
	number := func(_ *foe, n *identity.LogName) { n.Number = 1 }
	last := func(_ *foe, n *identity.LogName) { n.Number = 1<<64 - 1 }
	pages := func(_ *foe, n *identity.LogName) { n.PageBytes *= 2 }
	boxes := func(_ *foe, n *identity.LogName) { n.PageBytes, n.Kind = identity.RosterPageBytes, identity.KindBoxes }
	return []attack{
		uncounted("a data log of number 1", number), listedUncounted("a data log of number 1 in a list", number),
		uncounted("a data log of the last number", last), listedUncounted("a data log of the last number in a list", last),
		uncounted("a data log of another page size", pages), listedUncounted("a data log of another page size in a list", pages),
		uncounted("a log of boxes", boxes), listedUncounted("a log of boxes in a list", boxes),
	}
}

// asRoster names the roster of the topic, by its steward.
func asRoster(f *foe, n *identity.LogName) {
	*n = identity.RosterLog(f.topic.Topic(), f.topic.Genesis.Steward, 0, 0)
}

// rosters are lies about a roster of which the foe is not the steward.
func rosters() []attack {
	told := func(name string, want messages.Code, say func(f *foe, l *evilpeer.Log) messages.Message) attack {
		return greeted(name, dropped, want, func(f *foe) error {
			return f.Send(say(f, f.named(func(n *identity.LogName) { asRoster(f, n) }, 10)))
		})
	}
	position := func(name string, term, leg uint32, size uint64) attack {
		return greeted(name, shrugged, 0, func(f *foe) error {
			p := identity.Position{Term: term, Leg: leg, Size: size, Root: digest.Hash{1}}
			return f.Send(&messages.Peaks{Roster: p}, &messages.SyncDone{Roster: p, Ask: true})
		})
	}
	return []attack{
		uncounted("a roster of somebody who is not the steward", func(f *foe, n *identity.LogName) {
			*n = identity.RosterLog(n.Topic, n.Author, 0, 0)
		}),
		uncounted("another leg of the roster", func(f *foe, n *identity.LogName) { *n = identity.RosterLog(n.Topic, f.topic.Genesis.Steward, 0, 1) }),
		uncounted("a leg of another term", func(f *foe, n *identity.LogName) { *n = identity.RosterLog(n.Topic, n.Author, 1, 0) }),
		uncounted("the last leg that there can be", func(f *foe, n *identity.LogName) {
			*n = identity.RosterLog(n.Topic, n.Author, 1<<32-1, 1<<32-1)
		}),
		told("records of the roster that its steward did not write", messages.CodeBadHead, func(_ *foe, l *evilpeer.Log) messages.Message { return l.Events(0, 10) }),
		told("more of the roster than there is", messages.CodeBadHead, func(_ *foe, l *evilpeer.Log) messages.Message { return evilpeer.Part(l.State()) }),
		told("the roster in a list", messages.CodeRoster, func(_ *foe, l *evilpeer.Log) messages.Message { return evilpeer.List(l.State()) }),
		told("a record of the roster without its payload", messages.CodeRoster, func(f *foe, l *evilpeer.Log) messages.Message {
			m := l.Events(0, 10)
			r, n, err := event.DecodeRecord(m.Records)
			storetest.Must(f.t, err)
			m.Records = append(r.AppendErased(nil), m.Records[n:]...)
			return m
		}),
		told("a roster of another page size", messages.CodeBadHead, func(f *foe, _ *evilpeer.Log) messages.Message {
			return f.named(func(n *identity.LogName) { asRoster(f, n); n.PageBytes = 8192 }, 10).Events(0, 10)
		}),
		position("a position ahead in the roster", 0, 0, messages.MaxCount),
		position("a position with another root", 0, 0, 2),
		position("a position in another leg", 0, 1, 5),
		position("a position in the last term", 1<<32-1, 1<<32-1, 1),
	}
}

// founder is who founds a topic and is hostile.
type founder struct {
	genesis identity.Genesis
	invite  identity.Invite
	steward ed25519.PrivateKey
	account identity.AccountSecret
}

func newFounder(t *testing.T) *founder {
	t.Helper()
	keys, err := identity.NewTopicKeys(nil)
	storetest.Must(t, err)
	account, err := identity.NewAccountSecret(nil)
	storetest.Must(t, err)
	f := &founder{account: account, genesis: identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: 4096, Owner: identity.PublicKey(account.Key()),
		LobbyHash: identity.LobbyHash(keys.Lobby), JoinHash: identity.JoinHash(keys.Join),
	}}
	device := newDevice(t)
	f.steward = device.Seed.Found(device.Generation, &f.genesis)
	f.invite = identity.Invite{Genesis: f.genesis, Keys: keys}
	return f
}

// record encodes a record of a roster.
func (f *founder) record(t *testing.T, r roster.Record) []byte {
	t.Helper()
	body, err := roster.Encode(nil, r)
	storetest.Must(t, err)
	return f.raw(r.Type(), string(body))
}

func (f *founder) raw(typ, body string) []byte {
	r := eventtest.Raw{Time: 1, Type: typ, Payload: []byte(body)}
	return r.Record()
}

// genesisRecord and admission are the records that a topic begins with.
func (f *founder) genesisRecord(t *testing.T) []byte {
	return f.record(t, &roster.Founding{Body: f.genesis.Append(nil)})
}

func (f *founder) admission(t *testing.T) []byte {
	card := roster.Card{Account: f.genesis.Owner, Device: f.genesis.Steward, PageBytes: 4096}
	return f.record(t, &roster.Admit{Role: roster.Owner, Card: roster.SignCard(f.genesis.ID(), card, f.account.Key(), f.steward)})
}

// A steward who writes what no roster holds closes it there, and so does one whose
// first two records do not found the topic. The peer that brings it is not blamed,
// data logs go on, and all agree.
func TestHostileStewards(t *testing.T) {
	stranger := newFounder(t) // of another topic
	for _, c := range []struct {
		name    string
		records func(f *founder) [][]byte
		size    uint64 // that counts of it
		why     event.Reason
	}{
		{"a roster as it should be", func(f *founder) [][]byte { return nil }, 2, 0},
		{"the genesis of another topic", func(f *founder) [][]byte {
			return [][]byte{stranger.genesisRecord(t), stranger.admission(t)}
		}, 0, event.BadFounding},
		{"no genesis", func(f *founder) [][]byte { return [][]byte{f.admission(t), f.admission(t)} }, 0, event.BadFounding},
		{"genesis twice", func(f *founder) [][]byte { return [][]byte{f.genesisRecord(t), f.genesisRecord(t)} }, 1, event.BadFounding},
		{"genesis alone", func(f *founder) [][]byte { return [][]byte{f.genesisRecord(t)} }, 1, 0},
		{"the admit of another topic's owner", func(f *founder) [][]byte { return [][]byte{f.genesisRecord(t), stranger.admission(t)} }, 1, event.BadFounding},
		{"a genesis that is none", func(f *founder) [][]byte { return [][]byte{f.raw("xf/genesis", "I am it")} }, 0, event.BadBody},
		{"a genesis with a byte behind it", func(f *founder) [][]byte {
			return [][]byte{f.raw("xf/genesis", string(f.genesis.Append(nil))+"\x00")}
		}, 0, event.BadBody},
		{"a genesis that is none, later on", func(f *founder) [][]byte {
			return [][]byte{f.genesisRecord(t), f.admission(t), f.raw("xf/genesis", "I am it")}
		}, 2, event.BadBody},
		{"genesis once more, later on", func(f *founder) [][]byte {
			return [][]byte{f.genesisRecord(t), f.admission(t), f.genesisRecord(t), f.genesisRecord(t)}
		}, 4, 0},
		{"a body that is none", func(f *founder) [][]byte {
			return [][]byte{f.genesisRecord(t), f.admission(t), f.raw("xf/remove", "all")}
		}, 2, event.BadBody},
		{"a type that is none of a roster", func(f *founder) [][]byte { return [][]byte{f.genesisRecord(t), f.raw("note", "hello")} }, 1, event.BadType},
		{"a type that nobody knows", func(f *founder) [][]byte { return [][]byte{f.genesisRecord(t), f.raw("xf/unheard", "of")} }, 1, event.BadBody},
		{"records behind a handover", func(f *founder) [][]byte {
			topic, key := f.genesis.ID(), newDevice(t).AuthorKey(&f.genesis)
			card := roster.DeviceCard{Account: f.genesis.Owner, Device: roster.Key(identity.PublicKey(key)), PageBytes: 4096}
			device := roster.SignDevice(topic, card, f.account.Key(), key)
			return [][]byte{
				f.genesisRecord(t), f.admission(t), f.record(t, &roster.AddDevice{Device: device}),
				f.record(t, &roster.Handover{Ask: roster.AskRef{Log: card.Log(topic)}, Device: card.Device}),
				f.record(t, &roster.Answer{Log: card.Log(topic), Size: 9}), f.record(t, &roster.Begin{Before: roster.Prefix{Log: card.Log(topic), Size: 1, Root: digest.Hash{1}}}),
			}
		}, 6, 0},
		{"an unknown flag", func(f *founder) [][]byte {
			r := eventtest.Raw{Flags: 64, Time: 1, Type: "xf/admit"}
			return [][]byte{f.genesisRecord(t), r.Record()}
		}, 1, event.BadFlag},
		{"refs", func(f *founder) [][]byte {
			r := eventtest.Raw{Flags: 8, Time: 1, Count: 1, Refs: eventtest.Ref(1, 1), Type: "xf/admit"}
			return [][]byte{f.genesisRecord(t), r.Record()}
		}, 1, event.BadForm},
		{"time that goes back", func(f *founder) [][]byte {
			r := eventtest.Raw{Time: 0, Type: "xf/genesis", Payload: f.genesis.Append(nil)}
			return [][]byte{f.genesisRecord(t), r.Record()}
		}, 1, event.BadTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFounder(t)
			o := storetest.Small()
			o.Invite = f.invite.String()
			a := newSmallArena(t, "memory", o)
			records := c.records(f)
			if records == nil {
				records = [][]byte{f.genesisRecord(t), f.admission(t)}
			}
			l, err := evilpeer.NewLogOf(identity.RosterLog(f.genesis.ID(), f.genesis.Steward, 0, 0), f.steward, records...)
			storetest.Must(t, err)
			a.steward(t, l, c.size, c.why)
		})
	}
}

// steward brings the victim a roster and looks at what it makes of it.
func (a *arena) steward(t *testing.T, l *evilpeer.Log, size uint64, why event.Reason) {
	refused := a.victim.Refusals()
	f := a.foe()
	storetest.Must(t, f.Greet(ctx, a.topic))
	storetest.Must(t, f.Send(l.Events(0, uint64(len(l.Records)))))
	got := ""
	t.Cleanup(func() { t.Log(got) })
	storetest.Await(t, func() bool {
		held, err := a.victim.Log(xaeroflux.LogID(l.ID))
		if err != nil {
			got = err.Error()
			return t.Failed()
		}
		word, closed := held.Closed()
		got = fmt.Sprintf("%d events, closed %v %q", held.Size(), closed, word)
		return t.Failed() || held.Size() == size && closed == (why != 0) && (!closed || word == why.String())
	})
	storetest.Must(t, f.Send(evilpeer.Part(l.State()), l.Events(0, uint64(len(l.Records)))))
	storetest.Must(t, f.Alive(0, digest.Hash(a.victim.Head().Log), 0))
	f.Conn.CloseWithError(0, "")

	o := storetest.Small()
	o.NewCarrier, o.Invite = a.carrier, storetest.Invited(a.victim)
	peer := storetest.Open(t, filepath.Join(t.TempDir(), "peer"), o)
	storetest.MustAppend(t, peer, 10, "event %d of an honest peer")
	storetest.MustSync(t, peer, a.addr.String())
	storetest.Same(t, peer, a.victim)
	if held, err := peer.Log(xaeroflux.LogID(l.ID)); size > 0 && (err != nil || held.Size() != size) {
		t.Errorf("an honest peer does not hold the roster: %v", err)
	}
	for _, db := range []*xaeroflux.DB{a.victim, peer} {
		storetest.Undisturbed(t, db)
		topic, err := db.Topic(xaeroflux.TopicID{})
		storetest.Must(t, err)
		logs, err := topic.Logs()
		storetest.Must(t, err)
		for _, held := range logs {
			if held.ID() == xaeroflux.LogID(l.ID) {
				t.Error("the roster is among the logs of the topic")
			}
		}
	}
	if got := a.victim.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v", got, refused)
	}
}
