// SPDX-License-Identifier: MPL-2.0

package session

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// meet looks at a message before the core does: the host hears which run of its
// store the peer is, and that it answers. It reports whether the session is to go
// on.
func (s *Session) meet(m messages.Message) bool {
	var err error
	switch m := m.(type) {
	case *messages.Hello:
		s.dozes.Store(dozes(m))
		err = s.set.Host.Greeted(s, runOf(m))
	case *messages.Ping: // may come unasked
	default:
		if !s.answered {
			s.answered = true
			err = s.set.Host.Answered(s)
		}
	}
	if err != nil {
		s.step(syncer.Broke{Code: messages.CodeDuplicate, Text: twinText})
	}
	return err == nil
}

const twinText = "another live copy of your store is connected here: close one of the two"

// A TwinError says that two copies of one store are open with one peer id.
type TwinError struct {
	Peer identity.PeerID // the peer with a twin or, of a store's own twin, the one that says so
	Own  bool            // it is this store that has a twin
}

func (e *TwinError) Error() string {
	if !e.Own {
		return fmt.Sprintf("peer %s is two live copies of one store: its owner is to close one of them", e.Peer.Short())
	}
	return fmt.Sprintf("peer %s says that another live copy of this store is connected to it: close one of the two; a copy that is "+
		"to stay is made by backup and restore, as a device of its own", e.Peer.Short())
}

// Unwrap returns what was said between the peers.
func (e *TwinError) Unwrap() error {
	return &syncer.PeerError{Peer: e.Peer, Code: messages.CodeDuplicate, Remote: e.Own}
}
