// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Erasable reports whether all events [first, end) of a log may be erased, by
// what is held here: the log's own records, the roster, the topic's retention. A
// nil Erasable says that none may.
type Erasable func(log digest.Hash, first, end uint64) bool

// ErrErased is what every *ErasedError is. It is an ErrUnwanted too: the log is
// left alone with that peer, and taken from others.
var ErrErased = errors.New("erased by the peer, and not here")

// An ErasedError says that a peer has true leaves of events [First, End) and has
// erased what they are of, which nothing that is held here allows. They are
// missing, as if the peer did not have them: nothing of the message is stored,
// the log is asked of others, and the peer is not to blame, as it may know of an
// erasure that has not come here yet.
type ErasedError struct {
	Log        digest.Hash
	First, End uint64
}

func (e *ErasedError) Error() string {
	return fmt.Sprintf("log %s: events %d to %d are %v", e.Log.Short(), e.First, e.End-1, ErrErased)
}

// Is makes every ErasedError an ErrErased and an ErrUnwanted.
func (e *ErasedError) Is(target error) bool { return target == ErrErased || target == ErrUnwanted }

// erased gathers which events of a message are erased, in order.
type erased []Span

func (e *erased) add(first, end uint64) {
	if last := len(*e) - 1; last >= 0 && (*e)[last].End == first {
		(*e)[last].End = end
		return
	}
	*e = append(*e, Span{first, end})
}

// covered returns an *ErasedError unless all of them may be erased.
func (e erased) covered(log digest.Hash, may Erasable) error {
	for _, s := range e {
		if may == nil || !may(log, s.First, s.End) {
			return &ErasedError{Log: log, First: s.First, End: s.End}
		}
	}
	return nil
}

// anything is for what was judged before.
func anything(digest.Hash, uint64, uint64) bool { return true }
