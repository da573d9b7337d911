// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"errors"
	"math/big"
	"slices"
	"testing"
)

// The slow obvious twin: decode by the curve's equation, multiply by eight.

var (
	fieldP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD = mulP(big.NewInt(-121665), inverse(big.NewInt(121666)))
	oneP   = big.NewInt(1)
)

func mulP(a, b *big.Int) *big.Int     { return mod(new(big.Int).Mul(a, b)) }
func mod(a *big.Int) *big.Int         { return a.Mod(a, fieldP) }
func inverse(a *big.Int) *big.Int     { return new(big.Int).ModInverse(mod(new(big.Int).Set(a)), fieldP) }
func plus(a, b *big.Int) *big.Int     { return mod(new(big.Int).Add(a, b)) }
func minus(a, b *big.Int) *big.Int    { return mod(new(big.Int).Sub(a, b)) }
func quotient(a, b *big.Int) *big.Int { return mulP(a, inverse(b)) }

// decodePoint takes any y below 2^255, as lenient verifiers do.
func decodePoint(pub [KeyBytes]byte) (x, y *big.Int, canonical, ok bool) {
	sign := uint(pub[31] >> 7)
	pub[31] &= 0x7f
	slices.Reverse(pub[:])
	raw := new(big.Int).SetBytes(pub[:])
	y = mod(new(big.Int).Set(raw))
	yy := mulP(y, y)
	x = new(big.Int).ModSqrt(quotient(minus(yy, oneP), plus(mulP(curveD, yy), oneP)), fieldP)
	if x == nil {
		return nil, nil, false, false
	}
	canonical = raw.Cmp(fieldP) < 0 && (x.Sign() != 0 || sign == 0)
	if x.Bit(0) != sign {
		x = minus(new(big.Int), x)
	}
	return x, y, canonical, true
}

func double(x, y *big.Int) (*big.Int, *big.Int) {
	xy := mulP(x, y)
	t := mulP(curveD, mulP(xy, xy))
	return quotient(plus(xy, xy), plus(oneP, t)), quotient(plus(mulP(y, y), mulP(x, x)), minus(oneP, t))
}

func unfitSlow(pub [KeyBytes]byte) (unfit, point bool) {
	x, y, canonical, ok := decodePoint(pub)
	if !ok {
		return false, false
	}
	for range 3 {
		x, y = double(x, y)
	}
	return !canonical || (x.Sign() == 0 && y.Cmp(oneP) == 0), true
}

func littleEndian(n *big.Int, sign byte) (b [KeyBytes]byte) {
	n.FillBytes(b[:])
	slices.Reverse(b[:])
	b[31] |= sign << 7
	return b
}

// All encodings near the ends of the field, where the special ones lie, and
// the four of order eight, against the twin.
func TestSmallOrderAgainstTheCurve(t *testing.T) {
	var unfit, small int
	check := func(b [KeyBytes]byte) {
		want, point := unfitSlow(b)
		if got := SmallOrder(b); point && got != want {
			t.Errorf("%x: %v, want %v", b, got, want)
		}
		if point && want {
			unfit++
			b[31] &= 0x7f
			if b == order8a || b == order8b {
				small++
			}
		}
	}
	for sign := range byte(2) {
		for i := range int64(40) {
			check(littleEndian(big.NewInt(i), sign))
			top := new(big.Int).Lsh(oneP, 255)
			check(littleEndian(top.Sub(top, big.NewInt(i+1)), sign))
		}
		for _, b := range [][KeyBytes]byte{order8a, order8b} {
			b[31] |= sign << 7
			check(b)
		}
	}
	if small != 4 {
		t.Errorf("%d encodings of order eight, want 4", small)
	}
	if unfit < 14 {
		t.Errorf("%d unfit encodings seen, want the 14 of small order at least", unfit)
	}
}

func TestSmallOrderLeavesKeysAlone(t *testing.T) {
	for i := range 200 {
		pub := ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i))).Public().(ed25519.PublicKey)
		if SmallOrder([KeyBytes]byte(pub)) {
			t.Fatalf("%x was refused", []byte(pub))
		}
		id, err := PeerIDOf(pub)
		if err != nil || !slices.Equal(id.PublicKey(), pub) {
			t.Fatal(id, err)
		}
		if id.Short() != id.String()[:8] {
			t.Errorf("%s is %s in short", id, id.Short())
		}
		text, _ := id.MarshalText()
		var back PeerID
		if err := back.UnmarshalText(text); err != nil || back != id {
			t.Fatalf("%s: %v, %v", text, back, err)
		}
	}
}

func TestPeerIDOfRefuses(t *testing.T) {
	for _, pub := range []ed25519.PublicKey{nil, make([]byte, 31), make([]byte, 33), make([]byte, 32), order8a[:]} {
		if _, err := PeerIDOf(pub); !errors.Is(err, ErrPeerID) {
			t.Errorf("%x: %v", []byte(pub), err)
		}
	}
}
