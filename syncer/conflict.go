// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Conflict is events under a head that their author signed, which yet do not
// continue the events held here. Either the author forked the log, or the peer
// sent other events than those of the head: without the peer's first events
// the two look the same. Nothing of it is stored, and the log is left alone for
// the rest of the session; but the peer may well be honest, and other logs go
// on. Else an author who forks a log could part everybody else.
type Conflict struct {
	Log          digest.Hash
	Ours, Theirs proof.Head
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("log %s: the head at %d does not continue the events under the head at %d that are held here", c.Log.Short(), c.Theirs.Size, c.Ours.Size)
}

// An astray is a violation that is none if what is held here is to blame.
type astray struct{ *Violation }

func (a *astray) Unwrap() error { return a.Violation }

// conflict returns the Conflict that err may be: events put behind what the
// store holds do not lead to their head, which is another one than ours.
func conflict(err error, own LogInfo, left mmrindex.Peaks, theirs messages.Head) *Conflict {
	var a *astray
	if !errors.As(err, &a) || left.Size() == 0 || left.Size() > own.Size {
		return nil
	}
	head := headOf(own.Log, theirs)
	if head.Size == own.Head.Size && head.Root == own.Head.Root || head.Verify(own.Author[:]) != nil {
		return nil
	}
	return &Conflict{Log: own.Log, Ours: own.Head, Theirs: head}
}

// continues checks that leaves behind left, which are proven to be under head,
// are those of the events that own says are held.
func continues(own LogInfo, left mmrindex.Peaks, leaves []digest.Hash, head proof.Head) error {
	begin := left.Size()
	if own.Size <= begin || own.Size > begin+uint64(len(leaves)) {
		return nil
	}
	r := merkleindex.CompactRange{Begin: begin, End: begin}
	for _, leaf := range leaves[:own.Size-begin] {
		if err := r.Append(leaf, nil); err != nil {
			return err
		}
	}
	m := left.Clone()
	if err := m.Merge(r, nil); err != nil {
		return err
	}
	if m.Root() != own.Root {
		return &Conflict{Log: own.Log, Ours: own.Head, Theirs: head}
	}
	return nil
}
