// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"fmt"
	"io"
	"time"
)

// Errors of Codes.
var (
	// ErrNoCode is returned if no code was shown or typed.
	ErrNoCode = fmt.Errorf("%w: no code: show one on one device and type it on the other", ErrPairing)
	// ErrBurnt is returned for a code that has served.
	ErrBurnt = fmt.Errorf("%w: this code has served once: ask for a new one", ErrPairing)
	// ErrExpired is returned for a code that was open for Lifetime.
	ErrExpired = fmt.Errorf("%w: the code is too old: ask for a new one", ErrPairing)
)

// Lifetime is how long a code may wait for its attempt.
const Lifetime = 10 * time.Minute

// Codes is a device's book of codes. One is open at most, shown here or typed
// here; it serves for one attempt, however that ends, and never again. So
// somebody who guesses has one guess for each time that a person asks for a code.
//
// There is one book for a device, in memory: a new one knows of no burnt code. The
// zero Codes is an empty book. Callers lock it.
type Codes struct {
	open  Code      // zero if none is open
	since time.Time // when it was opened
	burnt map[Code]struct{}
}

// Show opens a code drawn from rand, for the person to read. It burns one that
// is open.
func (k *Codes) Show(rand io.Reader, now time.Time) (Code, error) {
	k.Burn()
	for range drawLimit {
		c, err := newCode(rand)
		if err != nil {
			return Code{}, err
		}
		if _, ok := k.burnt[c]; !ok {
			k.open, k.since = c, now
			return c, nil
		}
	}
	return Code{}, fmt.Errorf("%w (%d draws in vain)", ErrRandom, drawLimit)
}

// Enter opens a code that the person typed, and burns another that is open. The
// error is ErrBurnt for one that this book has burnt: a person who tries it
// again would give away a second guess. A code that is open is left as it is.
func (k *Codes) Enter(c Code, now time.Time) error {
	if c.IsZero() {
		return ErrNoCode
	}
	if c == k.open {
		return nil
	}
	k.Burn()
	if _, ok := k.burnt[c]; ok {
		return ErrBurnt
	}
	k.open, k.since = c, now
	return nil
}

// Take burns the open code and returns it, for one attempt. It is called before
// anything is sent that depends on the code. The error is ErrExpired for one that is
// too old, or that was opened after now, ErrBurnt if none was opened since the last
// one was burnt, and ErrNoCode if there never was one.
func (k *Codes) Take(now time.Time) (Code, error) {
	c, age := k.open, now.Sub(k.since)
	switch k.Burn(); {
	case c.IsZero() && len(k.burnt) == 0:
		return Code{}, ErrNoCode
	case c.IsZero():
		return Code{}, ErrBurnt
	case age < 0 || age >= Lifetime:
		return Code{}, ErrExpired
	}
	return c, nil
}

// Burn takes back the open code, if there is one: it never serves again.
func (k *Codes) Burn() {
	if k.open.IsZero() {
		return
	}
	if k.burnt == nil {
		k.burnt = map[Code]struct{}{}
	}
	k.burnt[k.open] = struct{}{} // one for each time that a person asked or typed
	k.open, k.since = Code{}, time.Time{}
}
