// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/transport"
)

// TestOneLogLost takes the files of one log away under an open store, at each kind
// of call. Its committed events are acknowledged and in its root, then it takes
// nothing more and says why, and all other logs go on.
func TestOneLogLost(t *testing.T) {
	for _, op := range []durable.Op{durable.OpCreate, durable.OpWrite, durable.OpSync, durable.OpSyncDir} {
		for _, cause := range []error{syscall.ENOENT, syscall.EACCES, durable.ErrChanged} {
			t.Run(string(op)+"/"+cause.Error(), func(t *testing.T) {
				var lost atomic.Pointer[string]
				m := newMember(t, transport.NewMemory(transport.MemoryOptions{}), 1, func(o durable.Op, name string) error {
					if log := lost.Load(); log != nil && o == op && strings.Contains(name, *log) && !strings.Contains(name, "mmr") {
						if cause == durable.ErrChanged {
							return &durable.ChangedError{Name: name, How: durable.Replaced}
						}
						return &fs.PathError{Op: string(o), Path: name, Err: cause}
					}
					return nil
				})
				other := identitytest.NewTopicOf(9, 4096)
				join := m.st.NewJoin(other.Genesis, other.Keys, "")
				if err := m.n.Pipeline().Do(t.Context(), join); err != nil {
					t.Fatal(err)
				}
				if err := m.append(100); err != nil {
					t.Fatal(err)
				}
				log := m.topic.Log.String()
				lost.Store(&log)
				l, err := m.st.Log(m.topic.Log)
				if err != nil {
					t.Fatal(err)
				}
				n := uint64(100)
				eventually(t, func() string {
					before := l.State().Root
					if err = m.append(20); err != nil {
						return ""
					}
					if n += 20; l.State().Size != n || l.State().Root == before || l.State().HeadSize() != n {
						t.Fatalf("%d events acknowledged, %d in the root", n, l.State().Size)
					}
					return "appends go on"
				})
				var why *pipeline.LogError
				if !errors.As(err, &why) || why.Log != m.topic.Log || errors.Is(err, pipeline.ErrReadOnly) || !errors.Is(err, cause) && !(cause == syscall.ENOENT && errors.Is(err, durable.ErrChanged)) {
					t.Fatal(err)
				}
				if row := l.Row().Size; l.State().Size != row {
					t.Errorf("%d events are committed, %d in the root", row, l.State().Size)
				}
				if err := m.st.Read(l, n-5, n, func(store.Run) error { return nil }); err != nil {
					t.Error(err)
				}
				if _, err := m.n.Pipeline().AppendBatch(t.Context(), join.Topic.Log, make([]pipeline.Entry, 500), pipeline.Conditions{}, epoch); err != nil || m.n.Broken() != nil {
					t.Errorf("the other log: %v, %v", err, m.n.Broken())
				}
			})
		}
	}
}

// TestOneLogLostOfAPeer loses the files of one log while a peer brings it, and of no
// other: the sync says which it was, and nobody is blamed.
func TestOneLogLostOfAPeer(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	a := newMember(t, net, 1, nil)
	c := newMember(t, net, 3, nil)
	at := a.listen("a:0")
	for _, m := range []*member{a, c} {
		if err := m.append(300); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.n.Mesh().Sync(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	b := newMember(t, net, 2, func(op durable.Op, name string) error {
		if op == durable.OpCreate && strings.Contains(name, a.topic.Log.String()) {
			return &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
		}
		return nil
	})
	_, err := b.n.Mesh().Sync(t.Context(), at)
	var why *pipeline.LogError
	if !errors.As(err, &why) || why.Log != a.topic.Log || !errors.Is(err, syscall.EACCES) {
		t.Errorf("sync: %v", err)
	}
	if len(b.n.Mesh().Refusals()) > 0 || b.n.Broken() != nil {
		t.Errorf("refused %v, read-only because of %v", b.n.Mesh().Refusals(), b.n.Broken())
	}
	l, err := b.st.Log(c.topic.Log)
	if err != nil || l.State().Size != 300 {
		t.Errorf("the other log: %v", err)
	}
	if err := b.append(50); err != nil {
		t.Error(err)
	}
}
