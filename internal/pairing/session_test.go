// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

// seeded is a source of randomness that is the same in every run.
func seeded(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }

// setups returns what two devices that belong together begin with.
func setups() (a, b Setup) {
	a = Setup{
		Role: Initiator, Code: codeOf(123_456), Binding: [BindingBytes]byte{9},
		Self: identity.PeerID{1}, Peer: identity.PeerID{2}, Rand: seeded(1),
	}
	b = a
	b.Role, b.Self, b.Peer, b.Rand = Responder, a.Peer, a.Self, seeded(2)
	return a, b
}

func mustBegin(t *testing.T, u Setup) (*Session, []byte) {
	t.Helper()
	s, send, err := Begin(u)
	if err != nil {
		t.Fatal(err)
	}
	return s, send
}

// step hands a message over as a carrier does: header first.
func step(t *testing.T, s *Session, message []byte) (Result, error) {
	t.Helper()
	n, err := s.Body(message[:min(len(message), HeaderBytes)])
	if err == nil && n != len(message)-HeaderBytes {
		t.Fatalf("the body has %d bytes, the header says %d", len(message)-HeaderBytes, n)
	}
	if err != nil {
		if s.State() != Failed {
			t.Errorf("%v after %v", s.State(), err)
		}
		return Result{}, err
	}
	return s.Step(message)
}

func mustStep(t *testing.T, s *Session, message []byte) Result {
	t.Helper()
	r, err := step(t, s, message)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantFailed says that the message ended the session by this error, and that
// nothing more is to be had of it.
func wantFailed(t *testing.T, what string, s *Session, message []byte, want error) (send []byte) {
	t.Helper()
	r, err := step(t, s, message)
	if !errors.Is(err, want) || r.Payload != nil || s.State() != Failed || s.secrets != nil {
		t.Errorf("%s: %v, payload %q, state %v, want %v", what, err, r.Payload, s.State(), want)
	}
	if _, err := s.Seal(nil); !errors.Is(err, ErrNotConfirmed) {
		t.Errorf("%s: sealed after it failed: %v", what, err)
	}
	if _, err := s.Step(Refusal()); !errors.Is(err, ErrUnexpected) {
		t.Errorf("%s: goes on after it failed: %v", what, err)
	}
	return r.Send
}

// confirmed returns two ends that have confirmed each other, and the messages
// that led there.
func confirmed(t *testing.T) (a, b *Session, messages [3][]byte) {
	t.Helper()
	ua, ub := setups()
	a, messages[0] = mustBegin(t, ua)
	b, none := mustBegin(t, ub)
	if none != nil {
		t.Errorf("a responder speaks first: %x", none)
	}
	messages[1] = mustStep(t, b, messages[0]).Send
	messages[2] = mustStep(t, a, messages[1]).Send
	if r := mustStep(t, b, messages[2]); r.Send != nil || r.Payload != nil {
		t.Errorf("%+v", r)
	}
	if a.State() != Confirmed || b.State() != Confirmed {
		t.Fatalf("%v, %v", a, b)
	}
	return a, b, messages
}

func mustSeal(t *testing.T, s *Session, p []byte) []byte {
	t.Helper()
	b, err := s.Seal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBothEndsAgree(t *testing.T) {
	for _, x := range []struct{ toB, toA []byte }{
		{[]byte("xf2 an invite"), []byte("thanks")},
		{nil, []byte{}},
		{bytes.Repeat([]byte{7}, MaxPayload), bytes.Repeat([]byte{8}, MaxPayload)},
	} {
		a, b, _ := confirmed(t)
		if *a.secrets == *b.secrets || a.secrets.key == a.secrets.peerKey {
			t.Error("both directions have one key")
		}
		toB, toA := mustSeal(t, a, x.toB), mustSeal(t, b, x.toA)
		for _, end := range []struct {
			s    *Session
			m, p []byte
		}{{a, toA, x.toA}, {b, toB, x.toB}} {
			r := mustStep(t, end.s, end.m)
			if r.Payload == nil || r.Send != nil || end.s.State() != Received {
				t.Errorf("%+v, %v", r, end.s)
			}
			wantBytes(t, "payload", r.Payload, end.p)
		}
	}
}

// A payload is sealed once, after confirmation, also once the peer's came, and
// has a limit. A refusal to seal does not end the session.
func TestSealing(t *testing.T) {
	ua, ub := setups()
	a, first := mustBegin(t, ua)
	b, _ := mustBegin(t, ub)
	reply := mustStep(t, b, first).Send
	for _, s := range []*Session{a, b} {
		if m, err := s.Seal([]byte("secret")); !errors.Is(err, ErrNotConfirmed) || m != nil {
			t.Errorf("%v: %x, %v", s, m, err)
		}
	}
	mustStep(t, b, mustStep(t, a, reply).Send)
	if m, err := a.Seal(make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLarge) || m != nil {
		t.Errorf("%d bytes, %v", len(m), err)
	}
	mustStep(t, b, mustSeal(t, a, []byte("one")))
	mustStep(t, a, mustSeal(t, b, []byte("two"))) // after b has received
	for _, s := range []*Session{a, b} {
		if m, err := s.Seal(nil); !errors.Is(err, ErrSealedBefore) || m != nil {
			t.Errorf("%v: %x, %v", s, m, err)
		}
	}
}

// Whatever differs, both ends know of it before any payload, and by one error.
func TestWhatDiffers(t *testing.T) {
	other := identity.PeerID{3}
	for what, change := range map[string]func(a, b *Setup){
		"code":                    func(a, _ *Setup) { a.Code = codeOf(123_457) },
		"binding":                 func(a, _ *Setup) { a.Binding[31] ^= 1 },
		"initiator's peer":        func(a, _ *Setup) { a.Peer = other },
		"initiator's self":        func(a, _ *Setup) { a.Self = other },
		"responder's peer":        func(_, b *Setup) { b.Peer = other },
		"responder's self":        func(_, b *Setup) { b.Self = other },
		"order of the peer ids":   func(a, _ *Setup) { a.Self, a.Peer = a.Peer, a.Self },
		"both of a relay's links": func(a, b *Setup) { a.Peer, b.Peer = other, other },
	} {
		ua, ub := setups()
		change(&ua, &ub)
		a, first := mustBegin(t, ua)
		b, _ := mustBegin(t, ub)
		no := wantFailed(t, what, a, mustStep(t, b, first).Send, ErrCodesDiffer)
		wantBytes(t, "refusal", no, Refusal())
		wantFailed(t, what, b, no, ErrCodesDiffer)
	}
}

// A responder checks the initiator's tag itself: an initiator that passes over
// a wrong one gets no further.
func TestResponderChecks(t *testing.T) {
	ua, ub := setups()
	a, first := mustBegin(t, ua)
	b, _ := mustBegin(t, ub)
	confirm := mustStep(t, a, mustStep(t, b, first).Send).Send
	confirm[len(confirm)-1] ^= 1
	no := wantFailed(t, "responder", b, confirm, ErrCodesDiffer)
	wantFailed(t, "initiator", a, no, ErrCodesDiffer)
}

// Two initiators, or two responders, come to nothing.
func TestSwappedRoles(t *testing.T) {
	ua, ub := setups()
	ub.Role = Initiator
	a, fromA := mustBegin(t, ua)
	b, fromB := mustBegin(t, ub)
	wantFailed(t, "two initiators", a, fromB, ErrUnexpected)
	wantFailed(t, "two initiators", b, fromA, ErrUnexpected)
	ua.Role, ub.Role, ua.Rand, ub.Rand = Responder, Initiator, seeded(1), seeded(2)
	a, _ = mustBegin(t, ua)
	b, fromB = mustBegin(t, ub)
	mustStep(t, a, mustStep(t, b, mustStep(t, a, fromB).Send).Send) // either may dial
}

// An end that hears itself: its share by another name, its tag, its payload.
func TestReflectedMessages(t *testing.T) {
	ua, _ := setups()
	a, first := mustBegin(t, ua)
	wantFailed(t, "SHARE", a, first, ErrUnexpected)

	ua.Rand = seeded(1)
	a, first = mustBegin(t, ua)
	wantFailed(t, "SHARE as REPLY", a, encode(typeReply, first[HeaderBytes:], make([]byte, tagBytes)), ErrShare)

	ua, ub := setups()
	a, first = mustBegin(t, ua)
	b, _ := mustBegin(t, ub)
	reply := mustStep(t, b, first).Send
	wantFailed(t, "REPLY", b, reply, ErrUnexpected)
	ub.Rand = seeded(2)
	b, _ = mustBegin(t, ub)
	mustStep(t, b, first)
	wantFailed(t, "tag of REPLY as CONFIRM", b, encode(typeConfirm, reply[HeaderBytes+shareBytes:]), ErrCodesDiffer)
	confirm := mustStep(t, a, reply).Send
	wantFailed(t, "CONFIRM", a, confirm, ErrUnexpected)

	a, b, _ = confirmed(t)
	for _, s := range []*Session{a, b} {
		wantFailed(t, "PAYLOAD", s, mustSeal(t, s, []byte("secret")), ErrPayload)
	}
}

// Messages of this session that come again, and those of another one with the
// same code.
func TestReplayedMessages(t *testing.T) {
	for i := range 4 {
		a, b, messages := confirmed(t)
		replay, to := mustSeal(t, a, []byte("p")), b
		mustStep(t, b, replay)
		if i < 3 {
			replay, to = messages[i], []*Session{b, a, b}[i]
		}
		wantFailed(t, fmt.Sprint("message ", i), to, replay, ErrUnexpected)
	}
	_, _, old := confirmed(t)
	ua, ub := setups()
	ua.Rand, ub.Rand = seeded(3), seeded(4)
	a, _ := mustBegin(t, ua)
	wantFailed(t, "old REPLY", a, old[1], ErrCodesDiffer)
	b, _ := mustBegin(t, ub)
	mustStep(t, b, old[0]) // anybody may send any share
	wantFailed(t, "old CONFIRM", b, old[2], ErrCodesDiffer)
	oldA, _, _ := confirmed(t)
	ua.Rand, ub.Rand = seeded(5), seeded(6)
	a, first := mustBegin(t, ua)
	b, _ = mustBegin(t, ub)
	mustStep(t, b, mustStep(t, a, mustStep(t, b, first).Send).Send)
	wantFailed(t, "old PAYLOAD", b, mustSeal(t, oldA, []byte("p")), ErrPayload)
}

// A payload opens at the peer whole, or not at all.
func TestPayloadsThatDoNotOpen(t *testing.T) {
	a, b, _ := confirmed(t)
	body := mustSeal(t, a, []byte("secret"))[HeaderBytes:]
	for i := range body {
		body[i] ^= 0x10
		if p, err := b.secrets.open(body); !errors.Is(err, ErrPayload) || p != nil {
			t.Errorf("byte %d changed: %q, %v", i, p, err)
		}
		body[i] ^= 0x10
	}
	wantFailed(t, "cut", b, encode(typePayload, body[:len(body)-1]), ErrPayload)
}

// The draft's weak points and all encodings that are none, in a run of the protocol.
func TestInvalidShares(t *testing.T) {
	for _, x := range readPoints(t).Invalid {
		ua, ub := setups()
		a, _ := mustBegin(t, ua)
		wantFailed(t, x.Why, a, encode(typeReply, x.Y, make([]byte, tagBytes)), ErrShare)
		b, _ := mustBegin(t, ub)
		if send := wantFailed(t, x.Why, b, encode(typeShare, x.Y), ErrShare); send != nil {
			t.Errorf("%s: answered %x", x.Why, send)
		}
	}
}

// A refusal ends whoever waits for the peer's tag or payload.
func TestRefusal(t *testing.T) {
	ua, ub := setups()
	a, first := mustBegin(t, ua)
	b, _ := mustBegin(t, ub)
	mustStep(t, b, first)
	c, d, _ := confirmed(t)
	for _, s := range []*Session{a, b, c, d} {
		if send := wantFailed(t, s.String(), s, Refusal(), ErrCodesDiffer); send != nil {
			t.Errorf("answered %x", send)
		}
	}
	ub.Rand = seeded(2)
	b, _ = mustBegin(t, ub)
	wantFailed(t, "nobody asked yet", b, Refusal(), ErrUnexpected)
}

// Every type in every state is a move of the table, or ends the session.
func TestEveryMessageInEveryState(t *testing.T) {
	moves := 0
	for st := State(0); st <= Failed+1; st++ {
		for typ := messageType(0); typ < 8; typ++ {
			s := &Session{state: st}
			m, err := s.move(typ)
			if err == nil {
				moves++
				if m.take == nil || m.to <= st {
					t.Errorf("%v in %v leads to %v", typ, st, m.to)
				}
				continue
			}
			if n, ok := lengths[typ]; ok {
				wantFailed(t, st.String(), s, twinMessage(typ, make([]byte, n[0])), ErrUnexpected)
			}
		}
	}
	if moves != 7 {
		t.Errorf("%d moves", moves)
	}
}

func TestBadSetups(t *testing.T) {
	for what, change := range map[string]func(*Setup){
		"no role":      func(u *Setup) { u.Role = 0 },
		"another role": func(u *Setup) { u.Role = 3 },
		"no code":      func(u *Setup) { u.Code = Code{} },
		"no self":      func(u *Setup) { u.Self = identity.PeerID{} },
		"no peer":      func(u *Setup) { u.Peer = identity.PeerID{} },
		"loopback":     func(u *Setup) { u.Peer = u.Self },
		"no random":    func(u *Setup) { u.Rand = nil },
	} {
		u, _ := setups()
		change(&u)
		if s, send, err := Begin(u); !errors.Is(err, ErrSetup) || s != nil || send != nil {
			t.Errorf("%s: %v, %x, %v", what, s, send, err)
		}
	}
	u, _ := setups()
	u.Rand = strings.NewReader("short")
	if _, _, err := Begin(u); !errors.Is(err, ErrRandom) {
		t.Error(err)
	}
}

// Errors tell a person what to do, and a session that is printed shows its state.
func TestWhatIsShown(t *testing.T) {
	for _, err := range []error{ErrCodesDiffer, ErrShare, ErrMessage, ErrUnexpected, ErrPayload, ErrBurnt, ErrExpired} {
		if !strings.Contains(err.Error(), ": ask for a new") {
			t.Errorf("%v: and now?", err)
		}
	}
	a, _, _ := confirmed(t)
	if got := fmt.Sprintf("%v %+v %s", a, a, a); got != "an attempt to pair, confirmed an attempt to pair, confirmed an attempt to pair, confirmed" {
		t.Errorf("shown as %q", got)
	}
	if got := fmt.Sprint(State(0), State(7), messageType(9)); got != "no state state 7 type 9" {
		t.Errorf("shown as %q", got)
	}
}
