// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/eventtest"
)

var allRules = []Rules{
	{}, {Erasable: true}, {Sealed: true}, {Sealed: true, Erasable: true}, {Kind: Roster}, {Kind: Boxes}, {Kind: Roster, Sealed: true, Erasable: true},
}

func rulesOf(c eventtest.Case) Rules {
	return Rules{Kind: Kind(c.Kind), Sealed: c.Sealed, Erasable: c.Erasable, Short: [ShortBytes]byte(eventtest.Ref(eventtest.Own))}
}

func TestJudge(t *testing.T) {
	for _, c := range eventtest.Cases() {
		b := c.Raw.Record()
		r, n, err := DecodeRecord(b)
		if c.Refused {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("%s, flags %d: %+v, %v; want it refused", c.Name, c.Raw.Flags, r, err)
			}
			continue
		}
		if err != nil || n != len(b) || !bytes.Equal(r.AppendLeaf(nil), c.Raw.Leaf()) {
			t.Fatalf("%s, flags %d: %d of %d bytes, %v", c.Name, c.Raw.Flags, n, len(b), err)
		}
		err = rulesOf(c).Judge(&r, int64(c.Previous))
		var o *Offence
		switch {
		case c.Reason == 0 && err != nil, c.Reason != 0 && (!errors.As(err, &o) || uint8(o.Reason) != c.Reason):
			t.Errorf("%s, flags %d, type %q: %v, want reason %d", c.Name, c.Raw.Flags, c.Raw.Type, err, c.Reason)
		}
		checkJudged(t, rulesOf(c), &r, int64(c.Previous))
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reason(12) {
		if name := r.String(); name == "" && r != 0 || seen[name] || r.Known() != (r >= BadFlag && r <= BadFounding) {
			t.Errorf("reason %d is %q, known %v", uint8(r), name, r.Known())
		} else {
			seen[name] = true
		}
	}
}

func TestJudgeAllocatesNothing(t *testing.T) {
	b := record(t, sample(), 5, 0)
	r, _, _ := DecodeRecord(b)
	if n := testing.AllocsPerRun(100, func() {
		if err := (Rules{}).Judge(&r, 5); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
