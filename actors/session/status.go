// SPDX-License-Identifier: MPL-2.0

package session

import (
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// The states of a peer in a PeerStatus.
const (
	PeerGreeting = "greeting" // connected, topics are not settled yet
	PeerSyncing  = "syncing"  // connected, something is missing on one side
	PeerInSync   = "in sync"  // connected, both hold the same
	PeerDialing  = "dialing"
	PeerPausing  = "pausing" // until it is dialed again
	PeerKnown    = "known"   // remembered; there are links enough, or none are made
)

// A PeerStatus is what is known of one peer.
type PeerStatus struct {
	Peer      identity.PeerID
	Address   string // where it is now, or was found
	Carrier   string
	State     string
	Kept      bool // a person wants it connected
	Dialed    bool // we connected to it
	Topics    int  // that we share
	InSync    bool
	Unsettled int       // of Topics: not known to be the same on both sides
	More      bool      // further topics are offered, in turn
	Since     time.Time // of the session, or when it was last here
	Moved     time.Time // when something last moved in it
	Heard     time.Time // when it last said something, or was last here
	NextTry   time.Time // not to be dialed before

	PeerTwin time.Time // when it last was found to be two live copies of one store
	OwnTwin  time.Time // when it last said that another live copy of this store is connected to it

	Waiting     string       // for what
	LastError   string       // that ended a session, or of dialing
	LastErrorAt time.Time    // when that was, zero if it is not known
	Missing     []LogMissing // logs it holds more of, at most 64
	Events      uint64       // in all such logs

	BytesIn   uint64
	BytesOut  uint64
	RateIn    float64 // bytes a second
	RateOut   float64
	EventsIn  uint64
	EventsOut uint64
}

// Connected reports whether there is a session with the peer.
func (p PeerStatus) Connected() bool {
	return p.State == PeerGreeting || p.State == PeerSyncing || p.State == PeerInSync
}

// A LogMissing is a log of which a peer holds more than this store, or of which a
// part was fetched and what is before it is missing.
type LogMissing struct {
	Topic digest.Hash
	Log   digest.Hash
	Held  uint64          // events here
	Known uint64          // events that the peer holds, or that the author signed
	From  identity.PeerID // the peer; zero if none is connected that holds more
	Since time.Time       // when that was found, if a peer holds more
}

// Missing returns how many events are missing.
func (m LogMissing) Missing() uint64 { return m.Known - min(m.Held, m.Known) }

// Status is what is known of the session's peer.
func (s *Session) Status() PeerStatus {
	in, out := s.conn.Stats()
	st := PeerStatus{
		Peer: s.conn.Peer(), Address: s.conn.RemoteAddr(), Carrier: s.conn.Path().Carrier, Dialed: s.conn.Dialer(),
		State: PeerGreeting, Since: s.since, Moved: s.since,
		BytesIn: in, BytesOut: out, EventsIn: s.stats.eventsIn.Load(), EventsOut: s.stats.eventsOut.Load(),
	}
	st.RateIn, st.RateOut = s.rate.look(time.Now(), in, out)
	s.stats.mu.Lock()
	st.Topics, st.InSync = len(s.stats.shared.order), s.stats.shared.inSync()
	st.Unsettled, st.More = s.stats.shared.unsettled(), s.stats.shared.lists
	for _, e := range []fault{s.stats.trouble, s.stats.end} { // the later one counts
		if e.err != nil {
			st.LastError, st.LastErrorAt = e.err.Error(), e.at
		}
	}
	s.stats.mu.Unlock()
	now := time.Now()
	quiet := s.heard.ago(now)
	if s.heard.any() {
		st.Heard = now.Add(-quiet)
	}
	silent := st.Topics > 0 && quiet > s.set.claimWait(s.dozes.Load())
	st.InSync = st.InSync && !silent
	switch {
	case st.InSync:
		st.State = PeerInSync
	case st.Topics > 0:
		st.State = PeerSyncing
	}
	s.statusSeen(&st)
	if silent {
		st.Waiting = fmt.Sprintf("an answer: its last word was %s ago", quiet.Round(time.Second))
	}
	return st
}

// statusSeen adds what the session last said of itself.
func (s *Session) statusSeen(st *PeerStatus) {
	seen := s.seen.Load()
	if seen == nil {
		return
	}
	if seen.moved.After(st.Moved) {
		st.Moved = seen.moved
	}
	if st.InSync {
		return // and what was missing has come since
	}
	st.Waiting = seen.Waiting
	for _, m := range seen.Missing {
		held := m.Held
		if own, ok, err := s.set.Store.Source().Log(m.Log); err == nil && ok {
			held = own.Size
		}
		if held < m.Known {
			st.Missing = append(st.Missing, LogMissing{Topic: m.Topic, Log: m.Log, Held: held, Known: m.Known, From: st.Peer, Since: seen.since[m.Log]})
			st.Events += m.Known - held
		}
	}
}
