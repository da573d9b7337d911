// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// testCertificates shows a word and believes another.
type testCertificates struct {
	shows, believes string
	err             error // of the store
	asked           []string
}

func (c *testCertificates) Certificate(identity.TopicID, []byte, bool) ([]byte, error) {
	if c.shows == "" {
		return nil, c.err
	}
	return []byte(c.shows), c.err
}

func (c *testCertificates) Verify(_ identity.TopicID, _ []byte, _ bool, body []byte) error {
	c.asked = append(c.asked, string(body))
	if c.err == nil && string(body) != c.believes {
		return roster.ErrCertificate
	}
	return c.err
}

func (c *testCertificates) Removed(identity.TopicID) (bool, error) { return false, nil }

func yes(identity.TopicID) bool { return true }

// strangers connects sides with one lobby key of topic 1 and two join keys, that
// both are in topic 2.
func strangers(t *testing.T, open, named bool, certs [2]*testCertificates) *visit {
	a, b := newHouse(1), newHouse(2)
	for _, h := range []*house{a, b} {
		h.in[1], h.in[2] = true, true
		h.write(1, string(h.id[:]))
	}
	return visitOf(t, 1, a, b, func(i int, c *Config) {
		for k := range c.Topics {
			if c.Topics[k].ID == TestTopic(1).ID() {
				if c.Topics[k].Policy = 0; open {
					c.Topics[k].Policy = identity.PolicyOpen
				}
				c.Topics[k].Keys.Join[5] = byte(i)
			}
		}
		if named {
			c.Named = yes
		}
		if certs[i] != nil {
			c.Certificates = certs[i]
		}
	})
}

// join returns the join key of topic 1 at a side.
func (v *visit) join(i int) identity.Secret {
	for _, o := range v.ends[i].meet.ours {
		if o.ID == TestTopic(1).ID() {
			return o.Keys.Join
		}
	}
	return identity.Secret{}
}

// rekey gives a side a topic with another join key.
func (v *visit) rekey(i int, n TestTopic, join identity.Secret) {
	for _, o := range v.ends[i].meet.ours {
		if o.ID != n.ID() && o.ID != v.real {
			continue
		}
		v.in[i] = append(v.in[i], TopicRemoved{o.Topic}, TopicAdded{o.Topic.rekeyed(join)})
		return
	}
	v.t.Fatal("not in the topic")
}

// Sides with two join keys share the topic once each believes the certificate of
// the other; the listener says nothing of itself before. What others wrote comes once
// their join keys are one.
func TestCertificates(t *testing.T) {
	for _, c := range []struct {
		what        string
		open, named bool
		certs       [2]*testCertificates
		shared      bool
		code        messages.Code
		listener    bool // says something
	}{
		{"both belong", false, true, [2]*testCertificates{{shows: "a", believes: "b"}, {shows: "b", believes: "a"}}, true, 0, true},
		{"the dialer does not", false, true, [2]*testCertificates{{shows: "x", believes: "b"}, {shows: "b", believes: "a"}}, false, messages.CodeCertificate, false},
		{"the listener does not", false, true, [2]*testCertificates{{shows: "a", believes: "b"}, {shows: "x", believes: "a"}}, false, messages.CodeCertificate, true},
		{"the listener has none", false, true, [2]*testCertificates{{shows: "a", believes: "b"}, {believes: "a"}}, false, 0, false},
		{"the dialer has none", false, true, [2]*testCertificates{{believes: "b"}, {shows: "b", believes: "a"}}, false, 0, false},
		{"nobody named the listener", false, false, [2]*testCertificates{{shows: "a", believes: "b"}, {shows: "b", believes: "a"}}, false, 0, false},
		{"the listener judges none", false, true, [2]*testCertificates{{shows: "a", believes: "b"}, nil}, false, messages.CodeCertificate, false},
		{"an open topic", true, true, [2]*testCertificates{{shows: "a", believes: "b"}, {shows: "b", believes: "a"}}, false, messages.CodeBadTopicProof, false},
	} {
		v := strangers(t, c.open, c.named, c.certs)
		said := false
		for v.step() {
			said = said || slices.ContainsFunc(v.in[0], func(in Input) bool {
				m, ok := in.(Received)
				return ok && m.Message.Type() == messages.TypeCertificate
			})
		}
		var code messages.Code
		for _, f := range v.failed {
			if f != nil {
				code = f.Code
			}
		}
		_, x := v.shared[0][1]
		_, y := v.shared[1][1]
		if code != c.code || code == 0 && (x != c.shared || y != c.shared) || said != c.listener {
			t.Errorf("%s: code %v, shared %v and %v, the listener showed its own: %v", c.what, code, x, y, said)
		}
		if !c.shared {
			continue
		}
		v.rest()
		if mine, _ := v.houses[0].Summary(TestTopic(1).ID()); mine.Count != 1 {
			t.Errorf("%s: %d logs came by certificates", c.what, mine.Count-1)
		}
		v.rekey(0, 1, v.join(1))
		v.rest()
		v.sharesWhatBothAreIn()
	}
}

// A certificate that nobody asked for is refused: of a topic that is shared, of
// an open one, of none, and of the listener before the dialer's.
func TestCertificateOutOfTurn(t *testing.T) {
	certs := &testCertificates{shows: "a", believes: "b"}
	sealed, err := SealCertificate(TestTopic(1).Keys().Lobby, []byte("visit"), false, 0, []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []uint32{0, 1, 9} {
		v := strangers(t, false, false, [2]*testCertificates{certs, certs})
		for v.step() {
		}
		mustFail(t, failOf(v.ends[0].Step(Received{&messages.Certificate{Topic: number, Sealed: sealed}})), messages.CodeCertificate)
	}
	if len(certs.asked) != 0 {
		t.Errorf("%q was judged", certs.asked)
	}
}

// A certificate is judged once, even if the listener has none to answer with;
// and a dialer that left the topic meanwhile leaves it if the listener
// answered.
func TestCertificateOnce(t *testing.T) {
	a, b := &testCertificates{shows: "a", believes: "b"}, &testCertificates{believes: "a"}
	v := strangers(t, false, true, [2]*testCertificates{a, b})
	for v.step() {
	}
	var number uint32
	for n := range v.ends[0].meet.stranded {
		number = n
	}
	sealed, err := SealCertificate(TestTopic(1).Keys().Lobby, []byte("visit"), true, number, []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	mustFail(t, failOf(v.ends[1].Step(Received{&messages.Certificate{Topic: number, Sealed: sealed}})), messages.CodeCertificate)
	if len(b.asked) != 1 {
		t.Errorf("judged %d times", len(b.asked))
	}

	b = &testCertificates{shows: "b", believes: "a"}
	v = strangers(t, false, true, [2]*testCertificates{a, b})
	for !slices.ContainsFunc(v.in[1], func(in Input) bool {
		m, ok := in.(Received)
		return ok && m.Message.Type() == messages.TypeCertificate
	}) {
		v.step()
	}
	delete(v.houses[0].in, 1)
	for _, o := range v.ends[0].Step(TopicRemoved{TestTopic(1).Topic()}) {
		v.do(0, o)
	}
	v.rest()
	v.sharesWhatBothAreIn()
}

// A store that cannot be read is no fault of the peer, whichever side has it.
func TestCertificatesThatCannotBeJudged(t *testing.T) {
	broken := errors.New("broken")
	for i := range 2 {
		certs := [2]*testCertificates{{shows: "a", believes: "b"}, {shows: "b", believes: "a"}}
		certs[i].err = broken
		v := strangers(t, false, true, certs)
		for v.step() {
		}
		if f := v.failed[i]; f == nil || !errors.Is(f.Err, broken) || v.failed[1-i] != nil {
			t.Errorf("side %d: %+v and %+v", i, v.failed[0], v.failed[1])
		}
	}
}

// A certificate opens for the same lobby key, connection, role and number, and
// for nothing else, nor changed.
func TestSealCertificate(t *testing.T) {
	lobby, binding, body := identity.Secret{7}, bytes.Repeat([]byte{9}, 32), []byte("a certificate")
	sealed, err := SealCertificate(lobby, binding, true, 3, body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCertificate(lobby, binding, true, 3, sealed); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another lobby key":  func() ([]byte, error) { return OpenCertificate(identity.Secret{8}, binding, true, 3, sealed) },
		"another connection": func() ([]byte, error) { return OpenCertificate(lobby, binding[1:], true, 3, sealed) },
		"the other role":     func() ([]byte, error) { return OpenCertificate(lobby, binding, false, 3, sealed) },
		"another number":     func() ([]byte, error) { return OpenCertificate(lobby, binding, true, 4, sealed) },
		"nothing":            func() ([]byte, error) { return OpenCertificate(lobby, binding, true, 3, nil) },
	} {
		if _, err := open(); err == nil {
			t.Errorf("%s opens it", name)
		}
	}
	for i := range sealed {
		sealed[i] ^= 1
		if _, err := OpenCertificate(lobby, binding, true, 3, sealed); err == nil {
			t.Errorf("byte %d does not count", i)
		}
		sealed[i] ^= 1
	}
	if _, err := SealCertificate(lobby, binding, true, 3, make([]byte, messages.MaxCertificate-15)); err == nil {
		t.Error("one byte too many is sealed")
	}
}

// What opens as a certificate is what the other end sealed, and nothing else.
func FuzzOpenCertificate(f *testing.F) {
	lobby, binding := identity.Secret{7}, bytes.Repeat([]byte{9}, 32)
	good, err := SealCertificate(lobby, binding, true, 3, []byte("a certificate"))
	if err != nil {
		f.Fatal(err)
	}
	for _, sealed := range [][]byte{good, nil, good[1:], good[:len(good)-1], append(bytes.Clone(good), 0)} {
		f.Add(uint32(3), sealed)
	}
	f.Add(uint32(4), good)
	f.Fuzz(func(t *testing.T, number uint32, sealed []byte) {
		body, err := OpenCertificate(lobby, binding, true, number, sealed)
		if err != nil {
			return
		}
		if again, err := SealCertificate(lobby, binding, true, number, body); err != nil || !bytes.Equal(again, sealed) {
			t.Fatalf("%x opens as %x, which is sealed as %x, %v", sealed, body, again, err)
		}
	})
}

// PING is answered at once in every state after HELLO, and before it refused; a
// PONG must answer the oldest PING of ours.
func TestPing(t *testing.T) {
	begin := func(offers []messages.Offer, more bool) *Session {
		s := New(Config{Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"), Store: newHouse(1), Topics: TopicsOf(1)})
		s.Step(Start{})
		if offers != nil {
			s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), More: more, Offers: offers}})
		}
		return s
	}
	pong := func(s *Session) bool {
		return slices.ContainsFunc(s.Step(Received{&messages.Ping{Nonce: 77}}), func(o Output) bool {
			m, ok := o.(Send)
			p, ok2 := m.Message.(*messages.Pong)
			return ok && ok2 && p.Nonce == 77
		})
	}
	greeted, meeting := begin(nil, false), begin([]messages.Offer{{}}, true)
	syncing := begin([]messages.Offer{TestTopic(1).Offer("b", true)}, false)
	for s, want := range map[*Session]State{greeted: Greeted, meeting: Meeting, syncing: Syncing} {
		if s.State() != want {
			t.Fatalf("%s, want %s", s.State(), want)
		}
		if got := pong(s); got != (want != Greeted) {
			t.Errorf("PING while %s: answered %v", want, got)
		}
	}
	if greeted.State() != Ended || pong(greeted) {
		t.Error("PING before HELLO is taken")
	}
	for _, s := range []*Session{meeting, syncing} {
		s.Step(Ping{1})
		s.Step(Ping{2})
		if out := s.Step(Received{&messages.Pong{Nonce: 1}}); !slices.Contains(out, Output(Ponged{1})) {
			t.Errorf("%v", out)
		}
		mustFail(t, failOf(s.Step(Received{&messages.Pong{Nonce: 1}})), messages.CodeUnexpectedMessage)
	}
}
