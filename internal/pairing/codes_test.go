// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"errors"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func wantTaken(t *testing.T, k *Codes, now time.Time, want Code, wantErr error) {
	t.Helper()
	if c, err := k.Take(now); c != want || !errors.Is(err, wantErr) {
		t.Errorf("taken at %v: %q, %v, want %q, %v", now, c, err, want, wantErr)
	}
}

// A code serves once, whichever end it is on, and the book says why it does not.
func TestCodeServesOnce(t *testing.T) {
	var shows, types Codes
	wantTaken(t, &shows, noon, Code{}, ErrNoCode)
	c, err := shows.Show(numbers(123_456), noon)
	if err != nil || c != codeOf(123_456) {
		t.Fatalf("%q, %v", c, err)
	}
	if err := types.Enter(c, noon); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*Codes{&shows, &types} {
		wantTaken(t, k, noon, c, nil)
		wantTaken(t, k, noon, Code{}, ErrBurnt)
		if err := k.Enter(c, noon); !errors.Is(err, ErrBurnt) {
			t.Errorf("a burnt code is typed again: %v", err)
		}
		wantTaken(t, k, noon, Code{}, ErrBurnt)
	}
}

// A burnt code is not drawn again, either.
func TestBurntCodesAreNotDrawn(t *testing.T) {
	var k Codes
	for i, drawn := range [][]uint32{{1}, {1, 2}, {2, 1, 1, 3}} {
		c, err := k.Show(numbers(drawn...), noon)
		if err != nil || c != codeOf(uint32(i+1)) {
			t.Fatalf("%v: %q, %v", drawn, c, err)
		}
		wantTaken(t, &k, noon, c, nil)
	}
	stuck := make([]uint32, 1000) // always the code 000 000
	if _, err := k.Show(numbers(stuck...), noon); err != nil {
		t.Fatal(err)
	}
	if c, err := k.Show(numbers(stuck...), noon); !errors.Is(err, ErrRandom) || !c.IsZero() {
		t.Errorf("%q, %v", c, err)
	}
	wantTaken(t, &k, noon, Code{}, ErrBurnt)
}

func TestCodesExpire(t *testing.T) {
	for _, x := range []struct {
		after time.Duration
		err   error
	}{{0, nil}, {Lifetime - 1, nil}, {Lifetime, ErrExpired}, {24 * time.Hour, ErrExpired}, {-1, ErrExpired}} {
		var k Codes
		want, err := k.Show(numbers(5), noon)
		if err != nil {
			t.Fatal(err)
		}
		if x.err != nil {
			want = Code{}
		}
		wantTaken(t, &k, noon.Add(x.after), want, x.err)
		wantTaken(t, &k, noon, Code{}, ErrBurnt) // also if it came too late
	}
}

// Another code, shown or typed, burns the one that is open; the same one typed
// again neither burns it nor makes it younger.
func TestOneCodeIsOpen(t *testing.T) {
	var k Codes
	first, second, third := codeOf(1), codeOf(2), codeOf(3)
	for _, open := range []func() error{
		func() error { _, err := k.Show(numbers(1), noon); return err },
		func() error { return k.Enter(second, noon) },
		func() error { return k.Enter(second, noon.Add(Lifetime)) },
	} {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Enter(first, noon); !errors.Is(err, ErrBurnt) {
		t.Errorf("the code before: %v", err)
	}
	wantTaken(t, &k, noon, Code{}, ErrBurnt) // second went, too, when first was typed
	if err := k.Enter(third, noon); err != nil {
		t.Fatal(err)
	}
	if err := k.Enter(third, noon.Add(Lifetime-1)); err != nil {
		t.Fatal(err)
	}
	wantTaken(t, &k, noon.Add(Lifetime), Code{}, ErrExpired)
	if err := k.Enter(Code{}, noon); !errors.Is(err, ErrNoCode) {
		t.Errorf("no code typed: %v", err)
	}
	if err := k.Enter(codeOf(4), noon); err != nil {
		t.Fatal(err)
	}
	k.Burn()
	k.Burn()
	wantTaken(t, &k, noon, Code{}, ErrBurnt)
}
