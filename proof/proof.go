// SPDX-License-Identifier: MPL-2.0

// Package proof holds what leaves a log to convince others: signed heads,
// their text form, proof files, and the functions that check them. None of it
// needs a store.
//
// A head is an author's signature under a log's size and root. Its text form
// is a C2SP checkpoint (https://c2sp.org/tlog-checkpoint), and a proof that an
// event is in a log is a C2SP transparency log proof
// (https://c2sp.org/tlog-proof), so that golang.org/x/mod/sumdb can check both
// without this module. Hashing is RFC 6962's; proofs are those of RFC 9162,
// section 2.1.
//
// Start with Head.Verify and VerifyInclusion, or with File for a proof that
// carries all it needs. Every function here is made for hostile input: it
// returns an error, takes no longer than its input is long, and never panics.
package proof

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Errors of this package.
var (
	// ErrProof is returned for hashes that do not lead to the root.
	ErrProof = errors.New("the proof does not verify")
	// ErrSignature is returned for a head that its author has not signed.
	ErrSignature = errors.New("the signature does not verify")
	// ErrKey is returned for an author key, or the text of one, that is none, or
	// that would let anyone sign.
	ErrKey = errors.New("not an author's key")
	// ErrHead is returned for a head, or the text of one, that cannot be.
	ErrHead = errors.New("not a valid head")
	// ErrFile is returned for text that is no proof file.
	ErrFile = errors.New("malformed proof file")
	// ErrFork is returned for heads that can both be true.
	ErrFork = errors.New("not a fork")
	// ErrForkFile is returned for text that is no fork proof.
	ErrForkFile = errors.New("malformed fork proof")
)

// A Hash is a SHA-256 digest, as the functions of this package take it. It converts to
// and from any [32]byte.
type Hash = digest.Hash
