// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Conditions are what a run is appended under.
type Conditions struct {
	Expect *uint64 // size that the log has, if it is given
	Whole  bool    // the id of the first event is that of the run: if it is here, all of it is
}

// An append ends in one of three ways, and its error says which: it is stored if
// there is none, ErrUncertain if it may be, and not stored with any other error.

// ErrUncertain is wrapped by every *UncertainError.
var ErrUncertain = errors.New("the events may be stored")

// An UncertainError is how an append ends if its events may be stored although it
// failed. To append them again is safe only with the ids that they had: such a
// repeat is never a second event, whatever became of the first.
type UncertainError struct {
	Topic digest.Hash
	Log   digest.Hash
	IDs   []event.ID // of the events that have one; Topic.Find knows what became of them
	From  uint64     // size of the log before: the events are at or behind it, or nowhere
	// Stored says that they are on disk, the first at From, and only not counted
	// in the root: they are once the store is opened again.
	Stored bool
	Err    error // why nothing better is known
}

func (e *UncertainError) Error() string {
	at := fmt.Sprintf("event %d of log %s", e.From, e.Log.Short())
	switch {
	case e.Stored && len(e.IDs) > 0:
		return fmt.Sprintf("the events are on disk from %s on, and the root does not count them yet; to append them again with the same id adds nothing: %v", at, e.Err)
	case e.Stored:
		return fmt.Sprintf("the events are on disk from %s on, and are not to be appended again; the root does not count them yet: %v", at, e.Err)
	case len(e.IDs) > 0:
		return fmt.Sprintf("%v: %v; append them again with the same id, which never doubles them, or ask for it", ErrUncertain, e.Err)
	}
	return fmt.Sprintf("%v: %v; before they are appended again, look for them from %s on", ErrUncertain, e.Err, at)
}

// Is makes the error an ErrUncertain.
func (e *UncertainError) Is(target error) bool { return target == ErrUncertain }

// Unwrap returns why nothing better is known.
func (e *UncertainError) Unwrap() error { return e.Err }

// A fate is how far a batch has come.
type fate int32

const (
	waiting   fate = iota // nothing of it is written
	writing               // its transaction was begun, or failed
	committed             // it is on disk
	refused               // nothing of it was, or will be, written
)

// fated holds a fate, which the AOF writer changes and callers read.
type fated struct{ now atomic.Int32 }

func (f *fated) set(to fate) { f.now.Store(int32(to)) }
func (f *fated) get() fate   { return fate(f.now.Load()) }

// judge returns the error of a caller who knows no more of g than err, which is
// why it failed.
func (g *gathered) judge(first uint64, err error) error {
	switch g.fate.get() {
	case committed:
		return &UncertainError{Log: g.Log, From: first, Stored: true, Err: err}
	case writing:
		return &UncertainError{Log: g.Log, Err: err}
	}
	return err
}

// givenUp returns the error of a caller who does not wait for g any longer.
// Something that waits is going to be written.
func (g *gathered) givenUp(err error) error {
	if g.fate.get() == refused {
		return err
	}
	return &UncertainError{Log: g.Log, Err: err}
}

// A question is what the caller of an append can ask for.
type question struct {
	topic digest.Hash
	size  uint64 // of the log before the append
}

// complete puts the question into an UncertainError.
func (q question) complete(err error, events []Entry) error {
	var u *UncertainError
	if !errors.As(err, &u) {
		return err
	}
	if u.Topic = q.topic; !u.Stored {
		u.From = q.size
	}
	for i := range events {
		if id := events[i].id(); id != (event.ID{}) {
			u.IDs = append(u.IDs, id)
		}
	}
	return err
}

// begun returns an error if ctx has ended before anything is done.
func begun(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing is appended: %w", err)
	}
	return nil
}
