// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/store"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A hostile peer speaks XSP by hand over QUIC. It is a member of the topic
// with a real log of its own, so that it can be honest up to the one thing
// that is wrong.
type hostile struct {
	t       *testing.T
	topic   identity.TopicKey
	seed    identity.Seed
	st      *store.Store // closed for writing: a log to lie about
	log     *store.Log
	conn    transport.Conn
	control transport.Stream
}

func newHostile(t *testing.T, topic identity.TopicKey) *hostile {
	t.Helper()
	h := &hostile{t: t, topic: topic}
	dir := filepath.Join(t.TempDir(), "hostile")
	o := small()
	o.Invite = identity.Invite{Key: topic}.String()
	db, err := xaeroflux.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		mustAppend(t, db, 1000, "event %d of a log that fills more than sixty-four pages of four kilobytes")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if h.st, err = store.Open(dir, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.st.Close() })
	h.seed = h.st.Seed()
	topics, err := h.st.Topic(topic.ID())
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = h.st.Log(topics.Log); err != nil {
		t.Fatal(err)
	}
	return h
}

// connect dials the victim and opens the control stream.
func (h *hostile) connect(addr string) {
	h.t.Helper()
	a, err := identity.ParseAddress(addr)
	if err != nil {
		h.t.Fatal(err)
	}
	carrier, err := quicnet.New(h.seed.PeerKey(), quicnet.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { carrier.Close() })
	if h.conn, err = carrier.Dial(ctx, a); err != nil {
		h.t.Fatal(err)
	}
	if h.control, err = h.conn.OpenStream(ctx); err != nil {
		h.t.Fatal(err)
	}
	h.control.SetReadDeadline(time.Now().Add(20 * time.Second))
}

func (h *hostile) send(m messages.Message) {
	h.t.Helper()
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.control.Write(frame); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hostile) hello(key identity.TopicKey) {
	h.send(&messages.Hello{
		Version: syncer.Version, Peer: h.seed.PeerID(), Caps: []string{"SYNC"},
		Topics:   []messages.TopicProof{{Proof: key.JoinProof(h.conn.Binding(), true)}},
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
	})
}

// state is what the hostile peer says of its log, truly.
func (h *hostile) state() messages.LogState {
	p := h.log.State()
	return messages.LogState{
		Log: h.log.ID, Author: h.log.Author, PageBytes: uint32(h.log.PageBytes), Size: p.Size, Pages: p.Pages,
		Head: messages.Head{Size: p.Head.Size, Root: p.Head.Root, Sig: p.Head.Sig},
	}
}

// events is the first n events of its log, with a true proof.
func (h *hostile) events() *messages.Events {
	h.t.Helper()
	c, err := h.st.Source().Events(h.log.ID, 0, 4000)
	if err != nil {
		h.t.Fatal(err)
	}
	s := h.state()
	return &messages.Events{
		Log: s.Log, Author: s.Author, PageBytes: s.PageBytes, First: 0, Count: uint32(c.Count),
		Head: s.Head, Right: c.Right, Records: c.Records,
	}
}

// verdict reads the control stream until the victim says why it is done.
func (h *hostile) verdict() messages.Code {
	for {
		body, err := messages.ReadFrame(h.control, messages.MaxEventsFrame, nil)
		if err != nil {
			if closed, ok := h.conn.Err().(*transport.ClosedError); ok && closed.Remote {
				return messages.Code(closed.Code)
			}
			h.t.Fatalf("no verdict: %v", err)
		}
		m, err := messages.Decode(body)
		if err != nil {
			h.t.Fatal(err)
		}
		if e, ok := m.(*messages.Error); ok {
			return e.Code
		}
	}
}

// servePages answers the victim's pull with a run of real pages, spoiled.
func (h *hostile) servePages(spoil func(*messages.PageResponse, []byte) []byte) {
	h.t.Helper()
	stream, err := h.conn.AcceptStream(ctx)
	if err != nil {
		h.t.Error(err)
		return
	}
	if _, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil); err != nil {
		h.t.Error(err)
		return
	}
	run, err := h.st.Source().Pages(h.log.ID, 0, 8)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer run.Release()
	s := h.state()
	m := &messages.PageResponse{
		Log: s.Log, Count: uint32(len(run.Pages)), FirstSeq: run.FirstSeq, EndSeq: run.EndSeq,
		PageBytes: s.PageBytes, Head: s.Head, Right: run.Right, More: true,
	}
	var pages []byte
	for _, p := range run.Pages {
		pages = append(pages, p...)
	}
	pages = spoil(m, pages)
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		h.t.Error(err)
		return
	}
	_, _ = stream.Write(append(frame, pages...)) // the victim may have hung up
	_ = stream.CloseWrite()
}

// hashes of all files that hold data: locks and sockets do not.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "lock.mdb" || d.Name() == "LOCK" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		_, err = io.Copy(sum, f)
		sums[path] = fmt.Sprintf("%x", sum.Sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestHostilePeers(t *testing.T) {
	diffThenPages := func(spoil func(*messages.PageResponse, []byte) []byte) func(*hostile) {
		return func(h *hostile) {
			h.hello(h.topic)
			h.send(&messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{h.state()}})
			h.servePages(spoil)
		}
	}
	events := func(spoil func(h *hostile, m *messages.Events)) func(*hostile) {
		return func(h *hostile) {
			h.hello(h.topic)
			m := h.events()
			spoil(h, m)
			h.send(m)
		}
	}
	attacks := []struct {
		name string
		want messages.Code
		do   func(h *hostile)
	}{
		{"a foreign topic proof", messages.CodeNoSharedTopic, func(h *hostile) { h.hello(identity.TopicKey{9}) }},
		{"a frame of 4 GiB", messages.CodeTooLong, func(h *hostile) { h.control.Write([]byte{0xff, 0xff, 0xff, 0xff, 0x92, 1}) }},
		{"a frame of 4 GiB after HELLO", messages.CodeTooLong, func(h *hostile) {
			h.hello(h.topic)
			h.control.Write([]byte{0xff, 0xff, 0xff, 0xff, 0x9a, 6})
		}},
		{"garbage", messages.CodeMalformed, func(h *hostile) { h.control.Write([]byte{0, 0, 0, 3, 0xc1, 0xc1, 0xc1}) }},
		{"a message before HELLO", messages.CodeUnexpectedMessage, func(h *hostile) { h.send(&messages.Peaks{}) }},
		{"the HELLO of somebody else", messages.CodeWrongPeer, func(h *hostile) {
			h.send(&messages.Hello{Version: syncer.Version, Peer: [32]byte{7}, Topics: []messages.TopicProof{{}}})
		}},
		{"a wrong tail", messages.CodeBadEvents, events(func(_ *hostile, m *messages.Events) { m.Records[20] ^= 1 })},
		{"a wrong proof", messages.CodeBadEvents, events(func(_ *hostile, m *messages.Events) { m.Right[0][0] ^= 1 })},
		{"a head with a bad signature", messages.CodeBadHead, events(func(_ *hostile, m *messages.Events) { m.Head.Sig[3] ^= 1 })},
		{"a head that somebody else signed", messages.CodeBadHead, events(func(h *hostile, m *messages.Events) {
			other := proof.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), m.Log, m.Head.Size, m.Head.Root)
			m.Head.Sig = other.Sig
		})},
		{"an author who is not the log's", messages.CodeBadHead, events(func(_ *hostile, m *messages.Events) { m.Author[0] ^= 1 })},
		{"a log under another id", messages.CodeBadHead, events(func(_ *hostile, m *messages.Events) { m.Log = digest.Hash{1} })},
		{"a topic that is not shared", messages.CodeLimit, events(func(_ *hostile, m *messages.Events) { m.Topic = 5 })},
		{"a wrong page", messages.CodeBadPage, diffThenPages(func(_ *messages.PageResponse, p []byte) []byte {
			p[5000] ^= 1
			return p
		})},
		{"pages in another order", messages.CodeBadPage, diffThenPages(func(_ *messages.PageResponse, p []byte) []byte {
			return append(append(append([]byte(nil), p[4096:8192]...), p[:4096]...), p[8192:]...)
		})},
		{"pages under a head they are not under", messages.CodeBadPage, diffThenPages(func(m *messages.PageResponse, p []byte) []byte {
			m.Head.Root[0] ^= 1
			return p
		})},
		{"pages of another place", messages.CodeBadRange, diffThenPages(func(m *messages.PageResponse, p []byte) []byte {
			m.From = 3
			return p
		})},
	}
	victim := open(t, filepath.Join(t.TempDir(), "victim"), small())
	inv, err := identity.ParseInvite(victim.Invite())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, victim, 300, "event %d of the victim")
	addr, err := victim.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // full pages are synced and the AOF trimmed by then: nothing else moves
	before := hashes(t, victim.Dir())
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			h := newHostile(t, inv.Key)
			h.connect(addr.String())
			a.do(h)
			if got := h.verdict(); got != a.want {
				t.Errorf("dropped for %q, want %q", got, a.want)
			}
		})
		after := hashes(t, victim.Dir())
		for path, sum := range after {
			if before[path] != sum {
				t.Errorf("%s: %s changed", a.name, filepath.Base(path))
			}
		}
		if len(after) != len(before) {
			t.Errorf("%s: %d files, %d before", a.name, len(after), len(before))
		}
	}
	honest, _ := joined(t, victim, small())
	mustSync(t, honest, addr.String())
	same(t, honest, victim)
}
