// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	crowdTopics  = 8
	crowdAuthors = 48 // who are no members here: their logs are handed in
	crowdRounds  = 25 // in which each log of ours grows
)

// crowdSizes are the sizes at which the logs of others come, of four events a page.
var crowdSizes = []int{1, 3, 9, 10, 30, 61}

// forkedAt returns before which of its steps a log of others is found to be forked;
// most are not.
func forkedAt(author int) int {
	if author%4 != 3 {
		return len(crowdSizes)
	}
	return author / 4 % len(crowdSizes)
}

// A crowdMember keeps four logs in memory, and has many more in use.
type crowdMember struct {
	t      testing.TB
	dir    string
	st     *store.Store
	n      *node.Node
	topics []*store.Topic
}

func newCrowdMember(t testing.TB, net *transport.Memory, seed byte) *crowdMember {
	m := &crowdMember{t: t, dir: filepath.Join(room(t), "s")}
	must(t, store.Create(m.dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 4, Seed: identity.Seed{seed}}))
	m.open()
	for i := range crowdTopics {
		x := identitytest.NewTopicOf(i+1, 4096)
		topic, err := m.st.Join(x.Genesis, x.Keys, "")
		must(t, err)
		m.topics = append(m.topics, topic)
	}
	var err error
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	m.n, err = node.Start(node.Config{
		System: supervisor.NewSystem(log), Store: m.st, Carrier: net.Node(m.st.Device().PeerID()), Logger: log, Now: time.Now,
	})
	must(t, err)
	return m
}

func (m *crowdMember) open() {
	var err error
	m.st, err = store.Open(m.dir, store.Options{MapBytes: 256 << 20, MaxLogs: 4})
	must(m.t, err)
}

// append makes each log of ours grow by an event or a page of them at a time.
func (m *crowdMember) append(ctx context.Context) error {
	for i := range crowdRounds * crowdTopics {
		events := make([]event.Event, 1+i%5)
		for k := range events {
			events[k].Payload = make([]byte, 900)
		}
		topic := m.topics[i%crowdTopics]
		if _, err := m.n.Pipeline().AppendBatch(ctx, topic.Log, pipeline.Plain(events...), pipeline.Conditions{}, time.UnixMilli(int64(i))); err != nil {
			return err
		}
	}
	return nil
}

// ingest hands in the log of an author in steps, and the next one before it is known
// that the last is counted. One that is forked takes nothing more from there.
func (m *crowdMember) ingest(ctx context.Context, author int) error {
	topic := m.topics[author%crowdTopics].ID
	done := make(chan error, len(crowdSizes))
	for i, size := range crowdSizes {
		if i == forkedAt(author) {
			if err := m.n.Pipeline().Freeze(ctx, crowdFork(topic, author)); err != nil {
				return err
			}
		}
		l, name, err := crowdLog(topic, author, 0, size)
		if err != nil {
			return err
		}
		a := &messages.Append{
			Log:     l.ID,
			Records: bytes.Join(l.Records, nil), Leaves: l.Leaves,
			Remote: &messages.Proven{Head: l.Head, Root: l.Head.Root, Time: 1}, Done: func(err error) { done <- err },
			Create: &messages.NewLog{LogName: name},
		}
		if err := m.n.Pipeline().Ingest(ctx, a); err != nil {
			return err
		}
		if (author+i)%3 == 0 {
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond) // others have their turn
		}
	}
	for range crowdSizes {
		if err := <-done; err != nil && !(errors.Is(err, store.ErrFrozen) && forkedAt(author) < len(crowdSizes)) {
			return err
		}
	}
	return nil
}

// crowdLog is the first events of an author's log, in one history or another.
func crowdLog(topic digest.Hash, author int, history byte, size int) (*evilpeer.Log, identity.LogName, error) {
	seed := sha256.Sum256([]byte{byte(author)})
	key := ed25519.NewKeyFromSeed(seed[:])
	all := make([]event.Event, size)
	for i := range all {
		all[i].Payload = bytes.Repeat([]byte{history}, 900)
	}
	l, err := evilpeer.NewLog(topic, key, 4096, all...)
	return l, identity.DataLog(topic, identity.PublicKey(key), 4096), err
}

func crowdFork(topic digest.Hash, author int) proof.Fork {
	one, name, err := crowdLog(topic, author, 0, 3)
	other, _, err2 := crowdLog(topic, author, 1, 3)
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return proof.NewFork(name, one.Head, other.Head, digest.Hash{}, nil)
}

// look asks for everything that can be asked until ctx ends. A log that is held is
// the one that everybody finds, and never shrinks.
func (m *crowdMember) look(ctx context.Context) error {
	held, sizes := map[digest.Hash]*store.Log{}, map[digest.Hash]uint64{}
	for i := 0; ctx.Err() == nil; i++ {
		topic := m.topics[rand.IntN(crowdTopics)]
		if i%64 == 0 {
			clear(held)
		}
		set, err := m.st.Summary(topic.ID)
		if err != nil {
			return err
		}
		if _, _, err := m.st.Source().Changes(topic.ID, set); err != nil {
			return err
		}
		err = m.st.Source().Logs(topic.ID, func(info syncer.LogInfo) bool {
			if info.Frozen {
				return true // its size is not listed
			}
			if info.Size < sizes[info.Log] {
				m.t.Errorf("log %s: listed with %d events after %d", info.Log.Short(), info.Size, sizes[info.Log])
			}
			sizes[info.Log] = info.Size
			return true
		})
		if err != nil {
			return err
		}
		for l, err := range m.st.TopicLogs(topic.ID) {
			if err != nil {
				return err
			}
			if h := held[l.ID]; h != nil && h != l {
				m.t.Errorf("log %s is in memory twice", l.ID.Short())
			}
			p := l.State()
			if p.Size < sizes[l.ID] {
				m.t.Errorf("log %s: %d events after %d", l.ID.Short(), p.Size, sizes[l.ID])
			}
			sizes[l.ID] = p.Size
			if err := m.st.Read(l, p.Size-min(p.Size, 3), p.Size, func(store.Run) error { return nil }); err != nil {
				return fmt.Errorf("log %s: %w", l.ID.Short(), err)
			}
			if rand.IntN(4) == 0 {
				held[l.ID] = l
			}
		}
		if i%8 == 0 {
			runtime.GC() // what nobody holds is gone
		}
	}
	return nil
}

// counted returns the digest of a topic, counted from the logs themselves.
func (m *crowdMember) counted(topic digest.Hash) digest.Set {
	var sum digest.Multiset
	for l, err := range m.st.TopicLogs(topic) {
		must(m.t, err)
		if p := l.State(); l.Row().Frozen {
			sum.Add(l.ID, 0, digest.Empty)
		} else if p.Size > 0 {
			sum.Add(l.ID, p.Size, p.Root)
		}
	}
	return sum.Set()
}

// check wants each topic's digest to be that of its logs, and those to be frozen of
// which both histories were seen.
func (m *crowdMember) check(when string) (all []digest.Set) {
	for author := range crowdAuthors {
		_, name, err := crowdLog(m.topics[author%crowdTopics].ID, author, 0, 1)
		must(m.t, err)
		l, err := m.st.Log(name.ID())
		must(m.t, err)
		forked := forkedAt(author) < len(crowdSizes)
		if l.Row().Frozen != forked || !forked && l.State().Size != uint64(crowdSizes[len(crowdSizes)-1]) {
			m.t.Errorf("%s: log %s of %d events, frozen %v, want %v", when, l.ID.Short(), l.State().Size, l.Row().Frozen, forked)
		}
	}
	for i, topic := range m.topics {
		set, err := m.st.Summary(topic.ID)
		must(m.t, err)
		if set != m.counted(topic.ID) {
			m.t.Errorf("%s: the digest of topic %d is not that of its logs", when, i)
		}
		all = append(all, set)
	}
	return all
}

func (m *crowdMember) close() {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	must(m.t, m.n.Close(ctx))
	want := m.check("closed")
	must(m.t, m.st.Close())
	m.open()
	for i, set := range m.check("opened again") {
		if set != want[i] {
			m.t.Errorf("the digest of topic %d is another one than before", i)
		}
	}
	report, err := m.st.Check(ctx, nil)
	must(m.t, err)
	for _, f := range report.Findings {
		m.t.Errorf("check: %s: %s", f.Where, f.What)
	}
	must(m.t, m.st.Close())
}

// Many more logs are in use at once than are kept in memory, in two stores that sync,
// and some turn out to be forked: what everybody sees of a log is one thing, and
// digests count what is there.
func TestMoreLogsInUseThanKept(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a, b := newCrowdMember(t, net, 1), newCrowdMember(t, net, 2)
	at, err := a.n.Mesh().Listen(ctx, "a:0")
	must(t, err)
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	looking, stop := context.WithCancel(ctx)
	var work, looks sync.WaitGroup
	run := func(g *sync.WaitGroup, fn func() error) {
		g.Go(func() {
			if err := fn(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, m := range []*crowdMember{a, b} {
		run(&looks, func() error { return m.look(looking) })
		run(&looks, func() error { return m.look(looking) })
		run(&work, func() error { return m.append(ctx) })
	}
	for author := range crowdAuthors {
		run(&work, func() error { return a.ingest(ctx, author) })
	}
	run(&looks, func() error {
		for looking.Err() == nil {
			if _, err := b.n.Mesh().Sync(ctx, at); err != nil {
				return err
			}
		}
		return nil
	})
	work.Wait()
	stop()
	looks.Wait()
	_, err = b.n.Mesh().Sync(ctx, at)
	must(t, err)
	for i, set := range a.check("of a") {
		if s, err := b.st.Summary(b.topics[i].ID); err != nil || s != set {
			t.Errorf("after a sync the digests of topic %d differ (%v)", i, err)
		}
	}
	b.check("of b")
	b.close()
	a.close()
}
