// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// goodGenesis is one genesis of each shape.
func goodGenesis() map[string]Genesis {
	plain := sealedGenesis()
	plain.Policy, plain.RetentionDays, plain.EraseDays = 0, 0, 0
	large := sealedGenesis()
	large.Need, large.Successors = MaxSuccessors, nil
	for i := range byte(MaxSuccessors) {
		large.Successors = append(large.Successors, sortedKeys(30 + i)[0])
	}
	slices.SortFunc(large.Successors, func(a, b [KeyBytes]byte) int { return bytes.Compare(a[:], b[:]) })
	return map[string]Genesis{
		"open": openGenesis(), "sealed": sealedGenesis(), "plain": plain, "home": Words{testSecret}.Home().Genesis, "large": large,
	}
}

func TestGenesisRoundTrip(t *testing.T) {
	for name, g := range goodGenesis() {
		body, err := g.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ParseGenesis(body)
		if err != nil || !reflect.DeepEqual(*got, g) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !bytes.Equal(body, slowGenesis(g)) {
			t.Errorf("%s: body %x, want %x", name, body, slowGenesis(g))
		}
		if g.ID() != TopicIDOf(body) || len(body) > MaxGenesisBytes {
			t.Errorf("%s: id %v of %d bytes", name, g.ID(), len(body))
		}
		for n := range body {
			if _, err := ParseGenesis(body[:n]); !errors.Is(err, ErrGenesis) {
				t.Errorf("%s, %d of %d bytes: %v", name, n, len(body), err)
			}
		}
		if _, err := ParseGenesis(append(body, 0)); !errors.Is(err, ErrGenesis) {
			t.Errorf("%s, a byte too many: %v", name, err)
		}
	}
}

// slowGenesis writes what is drawn above Genesis, field by field.
func slowGenesis(g Genesis) (b []byte) {
	field := func(p ...byte) { b = append(b, p...) }
	field(1)
	field(byte(g.Policy))
	log := byte(0)
	for n := uint32(1); n < g.PageBytes; n *= 2 {
		log++
	}
	field(log)
	field(g.Owner[:]...)
	field(g.Steward[:]...)
	field(g.Salt[:]...)
	field(g.LobbyHash[:]...)
	if g.Policy&2 != 0 {
		field(g.JoinHash[:]...)
	}
	for i := range 4 {
		field(byte(g.RetentionDays >> (8 * i)))
	}
	field(byte(g.EraseDays), byte(g.EraseDays>>8))
	field(byte(g.Need), byte(len(g.Successors)))
	for _, s := range g.Successors {
		field(s[:]...)
	}
	return b
}

func TestGenesisRules(t *testing.T) {
	small := [KeyBytes]byte{1}
	for name, c := range map[string]struct {
		base  Genesis
		spoil func(*Genesis)
	}{
		"unknown policy":           {sealedGenesis(), func(g *Genesis) { g.Policy |= 32 }},
		"sealed and open":          {openGenesis(), func(g *Genesis) { g.Policy |= PolicySealed }},
		"history, not sealed":      {openGenesis(), func(g *Genesis) { g.Policy |= PolicyHistory }},
		"open home":                {openGenesis(), func(g *Genesis) { g.Policy |= PolicyHome }},
		"retention, not erasable":  {openGenesis(), func(g *Genesis) { g.RetentionDays = 1 }},
		"delay, not erasable":      {openGenesis(), func(g *Genesis) { g.EraseDays = 1 }},
		"pages, not open":          {sealedGenesis(), func(g *Genesis) { g.PageBytes = 4096 }},
		"join key, not open":       {sealedGenesis(), func(g *Genesis) { g.JoinHash = digest.Empty }},
		"no pages":                 {openGenesis(), func(g *Genesis) { g.PageBytes = 0 }},
		"small pages":              {openGenesis(), func(g *Genesis) { g.PageBytes = 2048 }},
		"large pages":              {openGenesis(), func(g *Genesis) { g.PageBytes = 1 << 17 }},
		"uneven pages":             {openGenesis(), func(g *Genesis) { g.PageBytes = 5000 }},
		"no owner":                 {openGenesis(), func(g *Genesis) { g.Owner = [KeyBytes]byte{} }},
		"owner of small order":     {openGenesis(), func(g *Genesis) { g.Owner = small }},
		"no steward":               {openGenesis(), func(g *Genesis) { g.Steward = [KeyBytes]byte{} }},
		"steward of small order":   {openGenesis(), func(g *Genesis) { g.Steward = small }},
		"owner is steward":         {openGenesis(), func(g *Genesis) { g.Steward = g.Owner }},
		"k without n":              {openGenesis(), func(g *Genesis) { g.Need = 1 }},
		"k of half":                {sealedGenesis(), func(g *Genesis) { g.Need, g.Successors = 1, sortedKeys(2, 3) }},
		"k above n":                {sealedGenesis(), func(g *Genesis) { g.Need = 4 }},
		"n without k":              {sealedGenesis(), func(g *Genesis) { g.Need = 0 }},
		"negative k":               {sealedGenesis(), func(g *Genesis) { g.Need = -1 }},
		"too many successors":      {sealedGenesis(), func(g *Genesis) { g.Need, g.Successors = 17, make([][KeyBytes]byte, 17) }},
		"successors falling":       {sealedGenesis(), func(g *Genesis) { slices.Reverse(g.Successors) }},
		"successor twice":          {sealedGenesis(), func(g *Genesis) { g.Successors[1] = g.Successors[0] }},
		"successor of small order": {sealedGenesis(), func(g *Genesis) { g.Successors[0] = small }},
		"owner succeeds":           {sealedGenesis(), func(g *Genesis) { g.Need, g.Successors = 1, [][KeyBytes]byte{g.Owner} }},
		"steward succeeds":         {sealedGenesis(), func(g *Genesis) { g.Need, g.Successors = 1, [][KeyBytes]byte{g.Steward} }},
		"home with a steward":      {Words{testSecret}.Home().Genesis, func(g *Genesis) { g.Steward = keyOf(2) }},
		"home not erasable":        {Words{testSecret}.Home().Genesis, func(g *Genesis) { g.Policy &^= PolicyErasable }},
		"home with retention":      {Words{testSecret}.Home().Genesis, func(g *Genesis) { g.RetentionDays = 1 }},
		"home with a delay":        {Words{testSecret}.Home().Genesis, func(g *Genesis) { g.EraseDays = 1 }},
		"home with successors":     {Words{testSecret}.Home().Genesis, func(g *Genesis) { g.Need, g.Successors = 1, sortedKeys(2) }},
	} {
		c.spoil(&c.base)
		if b, err := c.base.Encode(); !errors.Is(err, ErrGenesis) || b != nil {
			t.Errorf("%s: encoded %x, %v", name, b, err)
		}
		if b := slowGenesis(c.base); len(c.base.Successors) < 256 {
			if g, err := ParseGenesis(b); err == nil && reflect.DeepEqual(*g, c.base) {
				t.Errorf("%s: decoded", name)
			}
		}
	}
}

// No byte of a genesis may be another one without another topic id.
func TestTopicIDDependsOnAll(t *testing.T) {
	seen := map[TopicID]string{}
	for name, g := range goodGenesis() {
		body := g.Append(nil)
		for i := range body {
			body[i] ^= 1
			id := TopicIDOf(body)
			if was, ok := seen[id]; ok {
				t.Fatalf("%s, byte %d: id of %s", name, i, was)
			}
			seen[id], body[i] = name, body[i]^1
		}
	}
}

func FuzzParseGenesis(f *testing.F) {
	for _, g := range goodGenesis() {
		f.Add(g.Append(nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		g, err := ParseGenesis(body)
		if err != nil {
			if !errors.Is(err, ErrGenesis) || g != nil {
				t.Fatalf("%+v, %v", g, err)
			}
			return
		}
		again, err := g.Encode()
		if err != nil || !bytes.Equal(again, body) || !bytes.Equal(slowGenesis(*g), body) {
			t.Fatalf("%x decodes, but is written %x, %v", body, again, err)
		}
	})
}
