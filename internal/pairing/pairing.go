// SPDX-License-Identifier: MPL-2.0

// Package pairing lets two devices at hand find out that a person typed on one
// of them the six digits that the other one shows, and then hand each other one
// secret each (docs/xsp.md, "Pairing"). It is CPace, a balanced password-
// authenticated key exchange, as CPACE-RISTR255-SHA512 of
// draft-irtf-cfrg-cpace-21 in its initiator-responder setting, with explicit key
// confirmation both ways.
//
// Rule: bytes in, values out; this room knows no network, no file and no clock,
// and draws its randomness from the reader that it is handed.
//
// Who listens in learns nothing of the code. Who takes the place of one device
// has one guess of a million, and then both devices' codes are burnt.
//
// Start with Session, which is one attempt, and Codes, which lets each code
// serve for one.
package pairing

import (
	"errors"
	"fmt"
)

// Errors of this package. Each says what to do next; what disagreed follows in
// brackets.
var (
	// ErrPairing is what all of them are.
	ErrPairing = errors.New("the devices are not paired")
	// ErrCodesDiffer is returned if the two ends did not have one code, one
	// connection and each other's peer ids: mostly a slip of the finger, at worst
	// somebody who guessed.
	ErrCodesDiffer = fmt.Errorf("%w: the codes differ: ask for a new one", ErrPairing)
	// ErrShare is returned for a public share that is no element of the group, is
	// its identity, or is our own. No device of ours sends one.
	ErrShare = fmt.Errorf("%w: the other device sent no valid share: ask for a new code, and look who is at the other end", ErrPairing)
	// ErrMessage is returned for bytes that are no message.
	ErrMessage = fmt.Errorf("%w: malformed message: ask for a new code", ErrPairing)
	// ErrUnexpected is returned for a message that the state does not allow, also
	// for one that comes again.
	ErrUnexpected = fmt.Errorf("%w: unexpected message: ask for a new code", ErrPairing)
	// ErrPayload is returned for a sealed payload that does not open.
	ErrPayload = fmt.Errorf("%w: the payload does not open: ask for a new code", ErrPairing)
	// ErrTooLarge is returned for a payload of over MaxPayload bytes.
	ErrTooLarge = fmt.Errorf("%w: payload too large: send a shorter one", ErrPairing)
	// ErrNotConfirmed is returned to who seals before the other end has shown that
	// it has the code, or after an attempt that failed.
	ErrNotConfirmed = fmt.Errorf("%w: the code is not confirmed: nothing may be sent yet", ErrPairing)
	// ErrSealedBefore is returned to who seals a second payload.
	ErrSealedBefore = fmt.Errorf("%w: a payload was sealed before: each side sends one", ErrPairing)
	// ErrSetup is returned for a session that cannot be begun.
	ErrSetup = fmt.Errorf("%w: bad setup", ErrPairing)
	// ErrRandom is returned if the source of randomness fails.
	ErrRandom = fmt.Errorf("%w: no randomness", ErrPairing)
)
