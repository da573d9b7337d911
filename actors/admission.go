// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/peerbook"
)

// Admission: a connection gets a seat when it is made, as a stranger, and another
// when it has proven a topic, as a member; one that is wanted has the same rank all
// along. Who gives way is a table in peerbook/admit.go.

const (
	strangerText = "others wait too, and greet"
	memberText   = "others need the connection more"
)

// seat gives a new session a seat and a name, or says that there is none.
func (n *Node) seat(s *session) bool {
	return n.seatIf(s, func() {
		n.net.names++
		s.name = fmt.Sprintf("session-%s-%d", s.conn.Peer().Short(), n.net.names)
		n.net.sessions[s] = struct{}{}
	})
}

// promote seats a session anew that has just proven a topic, or ends it.
func (n *Node) promote(s *session) {
	if n.seatIf(s, func() {}) {
		return
	}
	n.net.mu.Lock()
	s.evicted = true
	n.net.mu.Unlock()
	n.unseat(s)
}

// unseat ends a session that has no seat any more.
func (n *Node) unseat(s *session) {
	n.net.refused.add(messages.CodeBusy)
	if !s.known.Load() {
		s.conn.CloseWithError(uint64(messages.CodeBusy), strangerText)
		return
	}
	s.fail(fmt.Errorf("%w: %s", ErrBusy, memberText))
	s.end(messages.CodeBusy, memberText)
}

// seatIf calls admitted if there is a seat for s, while nobody else is seated, and
// ends the session that gives way. A session that s is going to replace, one that
// gave way already and one that has ended count no more.
func (n *Node) seatIf(s *session, admitted func()) bool {
	ranks := n.ranks(s)
	next := s.seatOf(ranks)
	n.net.mu.Lock()
	var sessions []*session
	var seats []peerbook.Seat
	for o := range n.net.sessions {
		if o != s && !o.evicted && o.conn.Err() == nil && o.conn.Peer() != s.conn.Peer() {
			sessions, seats = append(sessions, o), append(seats, o.seatOf(ranks))
		}
	}
	i, ok := peerbook.Admit(seats, next)
	var victim *session
	if ok {
		admitted()
	}
	if ok && i >= 0 {
		victim = sessions[i]
		victim.evicted = true
	}
	n.net.mu.Unlock()
	if victim != nil {
		n.unseat(victim)
	}
	return ok
}

// ranks returns how much each session is wanted, and s, as the book stands now.
func (n *Node) ranks(s *session) map[*session]peerbook.Rank {
	all := append(n.live(), s)
	ranks := make(map[*session]peerbook.Rank, len(all))
	now := time.Now()
	n.mesh.mu.Lock()
	defer n.mesh.mu.Unlock()
	for _, o := range all {
		ranks[o] = rankOf(n.mesh.book, o, now)
	}
	return ranks
}

func rankOf(book *peerbook.Book, s *session, now time.Time) peerbook.Rank {
	switch p := s.conn.Peer(); {
	case book.Named(p):
		return peerbook.ByName
	case s.conn.Dialer():
		return peerbook.Dialed
	case book.LongProven(p, now):
		return peerbook.LongProven
	case s.known.Load():
		return peerbook.Member
	}
	return peerbook.Stranger
}

// seatOf is a session as admission sees it. One that came while ranks were asked
// for has none, and does not give way.
func (s *session) seatOf(ranks map[*session]peerbook.Rank) peerbook.Seat {
	seat := peerbook.Seat{Rank: peerbook.ByName, Since: s.since}
	if r, ok := ranks[s]; ok {
		seat.Rank = r
	}
	seat.IP, _ = peerbook.IPOf(s.conn.RemoteAddr())
	if topics := s.topics(); len(topics) > 0 {
		seat.Topic = topics[0]
	}
	return seat
}
