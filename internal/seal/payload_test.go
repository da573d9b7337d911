// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/race"
)

func sampleAt() at {
	return at{Secret(digest.Sum([]byte("secret"))), digest.Sum([]byte("epoch")), digest.Sum([]byte("log"))}
}

func samplePlain() Plain {
	return Plain{Type: []byte("note"), Key: []byte("k1"), Payload: []byte("hello, world")}
}

func sealed(t testing.TB, k *Key, p Plain, hide bool) []byte {
	t.Helper()
	b, err := k.Seal(nil, &p, hide)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samePlain(a, b Plain) bool {
	return bytes.Equal(a.Type, b.Type) && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Payload, b.Payload) &&
		bytes.Equal(a.Refs, b.Refs) && reflect.DeepEqual(a.ID, b.ID)
}

// Every combination of flags, with short and with the longest parts.
func TestSealThenOpen(t *testing.T) {
	a := sampleAt()
	k := a.key()
	for _, hide := range []bool{false, true} {
		for _, refs := range [][]byte{nil, encodeRefs(ref{1, 1}), encodeRefs(sixteen()...)} {
			for _, id := range []*[16]byte{nil, {15: 1}, {1, 15: 0x80}} {
				for _, n := range []int{0, 1, 63, 1023} {
					p := Plain{bytes.Repeat([]byte("t"), min(n, event.MaxType)), make([]byte, n), bytes.Repeat([]byte{0x80}, n), refs, id}
					checkSeal(t, a, k, p, hide)
				}
			}
		}
	}
}

// checkSeal seals p, opens it, and seals it again the slow way under the nonce
// that was drawn.
func checkSeal(t *testing.T, a at, k *Key, p Plain, hide bool) {
	t.Helper()
	before := []byte("before")
	b, err := k.Seal(before, &p, hide)
	if err != nil || !bytes.HasPrefix(b, before) {
		t.Fatalf("%+v: %v", p, err)
	}
	b = b[len(before):]
	if want := a.twinSeal(b[8:20], twinInner(&p, hide), twinClear(&p, hide)); !bytes.Equal(b, want) {
		t.Errorf("%+v is sealed as\n%x, want\n%x", p, b, want)
	}
	if got, err := k.Open(p.Clear(hide), b); err != nil || !samePlain(got, p) {
		t.Errorf("%+v opens as %+v, %v", p, got, err)
	}
	if len(b) != p.SealedBytes(hide) {
		t.Errorf("%+v is sealed in %d bytes, want %d", p, len(b), p.SealedBytes(hide))
	}
	checkOpenTo(t, k, p, hide, b)
}

// checkOpenTo opens payloads one behind another in one buffer.
func checkOpenTo(t *testing.T, k *Key, p Plain, hide bool, b []byte) {
	t.Helper()
	dst := make([]byte, 0, 2*PlainBytes(b))
	first, one, err := k.OpenTo(dst, p.Clear(hide), b)
	if err != nil || !samePlain(first, p) || len(one) != PlainBytes(b) {
		t.Errorf("%+v opens as %+v in %d bytes, want %d: %v", p, first, len(one), PlainBytes(b), err)
	}
	second, two, err := k.OpenTo(one, p.Clear(hide), b)
	if err != nil || !samePlain(second, p) || !samePlain(first, p) || &two[:1][0] != &dst[:1][0] {
		t.Errorf("%+v opens as %+v behind %+v, %v", p, second, first, err)
	}
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	if _, left, err := k.OpenTo(one, p.Clear(hide), b); !errors.Is(err, ErrUnreadable) || len(left) != len(one) || !samePlain(first, p) {
		t.Errorf("a spoiled payload behind %+v leaves %d bytes, want %d: %v", first, len(left), len(one), err)
	}
}

// Neither way allocates if there is room, so that a long read costs the cipher alone.
func TestRoomIsUsed(t *testing.T) {
	if race.Enabled {
		t.Skip("run by make norace: the race detector allocates, too")
	}
	k, p := sampleAt().key(), samplePlain()
	room, plain := make([]byte, 0, 1024), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { room, _ = k.Seal(room[:0], &p, true) }); n != 0 {
		t.Errorf("sealing allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _ = k.OpenTo(plain, p.Clear(true), room) }); n != 0 {
		t.Errorf("opening allocates %v times", n)
	}
}

func TestLargest(t *testing.T) {
	id := [16]byte{1}
	p := Plain{
		Type: []byte(strings.Repeat("t", event.MaxType)), Key: make([]byte, event.MaxKey),
		Payload: make([]byte, event.MaxPayload), Refs: encodeRefs(sixteen()...), ID: &id,
	}
	k := sampleAt().key()
	b := sealed(t, k, p, true)
	if len(b) != MaxSealed {
		t.Errorf("%d bytes, want %d", len(b), MaxSealed)
	}
	if got, err := k.Open(p.Clear(true), b); err != nil || !samePlain(got, p) {
		t.Error("the largest event does not come back:", err)
	}
}

func TestSealRefuses(t *testing.T) {
	a := sampleAt()
	own := slices.Concat([]byte{1}, a.log[:8], []byte{1})
	for name, c := range map[string]struct {
		change func(p *Plain)
		want   error
	}{
		"long type":       {func(p *Plain) { p.Type = make([]byte, event.MaxType+1) }, ErrTooLarge},
		"long key":        {func(p *Plain) { p.Key = make([]byte, event.MaxKey+1) }, ErrTooLarge},
		"long payload":    {func(p *Plain) { p.Payload = make([]byte, event.MaxPayload+1) }, ErrTooLarge},
		"reserved type":   {func(p *Plain) { p.Type = []byte("xf/") }, ErrReserved},
		"bad refs":        {func(p *Plain) { p.Refs = []byte{0} }, ErrRefs},
		"bytes past refs": {func(p *Plain) { p.Refs = append(encodeRefs(ref{1, 1}), 0) }, ErrRefs},
		"id of zeros":     {func(p *Plain) { p.ID = new([16]byte) }, ErrID},
		"own log":         {func(p *Plain) { p.Refs = own }, ErrRefs},
	} {
		p := samplePlain()
		c.change(&p)
		for _, hide := range []bool{false, true} {
			if b, err := a.key().Seal([]byte{7}, &p, hide); !errors.Is(err, c.want) || !bytes.Equal(b, []byte{7}) {
				t.Errorf("%s: %x, %v", name, b, err)
			}
		}
	}
}

// A payload opens in its place only: each other secret, epoch, log and clear
// part, each flipped bit and each other length is unreadable.
func TestOpenElsewhere(t *testing.T) {
	a, p := sampleAt(), samplePlain()
	other := digest.Sum([]byte("other"))
	sameShort := a.epoch
	sameShort[31]++
	for _, hide := range []bool{false, true} {
		b, c := sealed(t, a.key(), p, hide), p.Clear(hide)
		unreadable := func(name string, k *Key, c Clear, b []byte) {
			if got, err := k.Open(c, b); !errors.Is(err, ErrUnreadable) {
				t.Errorf("hide %v, %s: %+v, %v", hide, name, got, err)
			}
		}
		unreadable("secret", at{Secret(other), a.epoch, a.log}.key(), c, b)
		unreadable("epoch", at{a.secret, other, a.log}.key(), c, b)
		unreadable("epoch's end", at{a.secret, sameShort, a.log}.key(), c, b)
		unreadable("log", at{a.secret, a.epoch, other}.key(), c, b)
		unreadable("type", a.key(), Clear{c.Flags, []byte("nota"), c.Key}, b)
		unreadable("key", a.key(), Clear{c.Flags, c.Type, []byte("k2")}, b)
		unreadable("type into key", a.key(), Clear{c.Flags, []byte("not"), []byte("ek1")}, b)
		unreadable("the other flags", a.key(), p.Clear(!hide), b)
		unreadable("long type", a.key(), Clear{c.Flags, make([]byte, 64), nil}, b)
		unreadable("long key", a.key(), Clear{c.Flags, nil, make([]byte, 1024)}, b)
		for flags := range 256 {
			if uint8(flags) != c.Flags {
				unreadable(fmt.Sprintf("flags %#x", flags), a.key(), Clear{uint8(flags), c.Type, c.Key}, b)
			}
		}
		for bit := range 8 * len(b) {
			flipped := bytes.Clone(b)
			flipped[bit/8] ^= 1 << (bit % 8)
			unreadable(fmt.Sprintf("bit %d", bit), a.key(), c, flipped)
		}
		for n := range b {
			unreadable(fmt.Sprintf("%d bytes", n), a.key(), c, b[:n])
		}
		unreadable("a byte too many", a.key(), c, append(bytes.Clone(b), 0))
		unreadable("far too long", a.key(), c, make([]byte, MaxSealed+1))
	}
}

// A payload that members seal against the format is unreadable too.
func TestOpenOtherInside(t *testing.T) {
	a := sampleAt()
	good := twinInner(&Plain{Type: []byte("t"), Key: []byte("k"), Payload: []byte("p")}, true)
	inner := func(b ...byte) []byte { return pad(b) }
	own := slices.Concat([]byte{8, 1}, a.log[:8], []byte{1, 0, 0})
	for name, x := range map[string]struct {
		flags uint8
		inner []byte
	}{
		"empty":                   {2, inner()},
		"flags only":              {2, inner(0)},
		"half of the lengths":     {2, inner(0, 0)},
		"lengths beside flag 2":   {2, inner(0, 1, 0, 't')},
		"type beyond the end":     {6, inner(0, 2, 0, 't')},
		"key beyond the end":      {6, inner(0, 0x81, 0, 't', 'k')},
		"flag 1":                  {2, inner(1, 0, 0)},
		"flag 2":                  {2, inner(2, 0, 0)},
		"flag 4":                  {2, inner(4, 0, 0)},
		"flag 32":                 {2, inner(32, 0, 0)},
		"flag 128":                {2, inner(128, 0, 0)},
		"no refs":                 {2, inner(8, 0, 0)},
		"refs to its own log":     {2, inner(own...)},
		"half an id":              {2, inner(16, 1, 2, 3)},
		"reserved type":           {6, inner(0, 3, 0, 'x', 'f', '/')},
		"no mark":                 {6, append(bytes.Clone(good[:6]), make([]byte, 58)...)},
		"pad is not zero":         {6, append(bytes.Clone(good[:63]), 1)},
		"padded to another class": {6, append(bytes.Clone(good), 0, 0)},
		"padded to no class":      {6, append(bytes.Clone(good), 0)},
		"twice as long":           {6, append(bytes.Clone(good), make([]byte, 64)...)},
		"payload too long":        {2, pad(make([]byte, 3+event.MaxPayload+1))},
		"not padded":              {6, append(bytes.Repeat([]byte{0}, 66), 0x80)},
	} {
		c := Clear{Flags: x.flags}
		b := a.twinSeal(make([]byte, 12), x.inner, c.data())
		if got, err := a.key().Open(c, b); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	c := Clear{Flags: 2, Type: []byte("xf/ask")}
	if got, err := a.key().Open(c, a.twinSeal(make([]byte, 12), inner(0, 0, 0), c.data())); !errors.Is(err, ErrUnreadable) {
		t.Errorf("reserved type outside: %+v, %v", got, err)
	}
	c = Clear{Flags: 6}
	if got, err := a.key().Open(c, a.twinSeal(make([]byte, 12), good, c.data())); err != nil || string(got.Payload) != "p" {
		t.Errorf("the one that is right: %+v, %v", got, err)
	}
}

// Random events come back, and their length tells no more than the class of
// all that is inside.
func TestLengthTellsItsClassOnly(t *testing.T) {
	a, rnd := sampleAt(), rand.New(rand.NewPCG(1, 2))
	k := a.key()
	for range 2000 {
		p := Plain{Payload: make([]byte, rnd.IntN(1500)), Type: []byte(strings.Repeat("t", rnd.IntN(64))), Key: make([]byte, rnd.IntN(200))}
		inside := 1 + 2 + len(p.Payload) + 1
		if rnd.IntN(2) == 0 {
			p.Refs = encodeRefs(sixteen()[:1+rnd.IntN(16)]...)
			inside += len(p.Refs)
		}
		if rnd.IntN(2) == 0 {
			p.ID = &[16]byte{1}
			inside += 16
		}
		hide := rnd.IntN(2) == 0
		if hide {
			inside += len(p.Type) + len(p.Key)
		}
		checkSeal(t, a, k, p, hide)
		if b := sealed(t, k, p, hide); len(b) != 36+twinPadded(inside) {
			t.Fatalf("%d bytes inside are sealed in %d", inside, len(b))
		}
	}
}

func TestNoncesDiffer(t *testing.T) {
	k, seen := sampleAt().key(), map[string]bool{}
	for range 100 {
		b := sealed(t, k, samplePlain(), true)
		seen[string(b[8:20])] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d nonces in 100 payloads", len(seen))
	}
}

func BenchmarkSeal(b *testing.B) {
	k, p := sampleAt().key(), Plain{Payload: make([]byte, 256)}
	room := make([]byte, 0, p.SealedBytes(true))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Seal(room, &p, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	k, p := sampleAt().key(), Plain{Payload: make([]byte, 256)}
	at := sealed(b, k, p, true)
	room := make([]byte, 0, PlainBytes(at))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.OpenTo(room, p.Clear(true), at); err != nil {
			b.Fatal(err)
		}
	}
}
