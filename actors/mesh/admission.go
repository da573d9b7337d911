// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Admission: a connection gets a seat when it is made, as a stranger, and another
// when it has proven a topic, as a member; one that is wanted has the same rank all
// along. A table in peerbook/admit.go says who gives way.

const (
	strangerText = "others wait too, and greet"
	memberText   = "others need the connection more"
)

// seat gives a new session a seat and a name, or says that there is none.
func (n *Mesh) seat(s *session.Session, named bool) (name string, ok bool) {
	ok = n.seatIf(s, func() {
		n.net.names++
		name = fmt.Sprintf("session-%s-%d", s.Conn().Peer().Short(), n.net.names)
		n.net.sessions[s] = &place{named: named}
	})
	return name, ok
}

// promote seats a session anew that has just proven a topic, or ends it.
func (n *Mesh) promote(s *session.Session) {
	if n.seatIf(s, func() {}) {
		return
	}
	n.placeOf(s, func(p *place) { p.evicted = true })
	n.unseat(s)
}

// unseat ends a session that has no seat any more.
func (n *Mesh) unseat(s *session.Session) {
	n.refused.add(messages.CodeBusy)
	if !s.Known() {
		s.Conn().CloseWithError(uint64(messages.CodeBusy), strangerText)
		return
	}
	s.Fail(fmt.Errorf("%w: %s", ErrBusy, memberText))
	s.End(messages.CodeBusy, memberText)
}

// seatIf calls admitted if there is a seat for s, while nobody else is seated, and
// ends the session that gives way. A session that s is going to replace, one that
// gave way already and one that has ended count no more.
func (n *Mesh) seatIf(s *session.Session, admitted func()) bool {
	ranks := n.ranks(s)
	next := seatOf(s, ranks)
	n.net.mu.Lock()
	var sessions []*session.Session
	var seats []peerbook.Seat
	for o, p := range n.net.sessions {
		if o != s && !p.evicted && o.Conn().Err() == nil && o.Conn().Peer() != s.Conn().Peer() {
			sessions, seats = append(sessions, o), append(seats, seatOf(o, ranks))
		}
	}
	i, ok := peerbook.Admit(seats, next)
	var victim *session.Session
	if ok {
		admitted()
	}
	if ok && i >= 0 {
		victim = sessions[i]
		n.net.sessions[victim].evicted = true
	}
	n.net.mu.Unlock()
	if victim != nil {
		n.unseat(victim)
	}
	return ok
}

// ranks returns how much each session is wanted, and s, as the book stands now.
func (n *Mesh) ranks(s *session.Session) map[*session.Session]peerbook.Rank {
	all := append(n.Live(), s)
	ranks := make(map[*session.Session]peerbook.Rank, len(all))
	now := time.Now()
	n.dir.mu.Lock()
	defer n.dir.mu.Unlock()
	for _, o := range all {
		ranks[o] = rankOf(n.dir.book, o.Conn(), o.Known(), now)
	}
	return ranks
}

func rankOf(book *peerbook.Book, conn transport.Conn, known bool, now time.Time) peerbook.Rank {
	switch p := conn.Peer(); {
	case book.Named(p):
		return peerbook.ByName
	case conn.Dialer():
		return peerbook.Dialed
	case book.LongProven(p, now):
		return peerbook.LongProven
	case known:
		return peerbook.Member
	}
	return peerbook.Stranger
}

// seatOf is a session as admission sees it. One that came while ranks were asked
// for has none, and does not give way.
func seatOf(s *session.Session, ranks map[*session.Session]peerbook.Rank) peerbook.Seat {
	seat := peerbook.Seat{Rank: peerbook.ByName, Since: s.Since()}
	if r, ok := ranks[s]; ok {
		seat.Rank = r
	}
	seat.IP, _ = peerbook.IPOf(s.Conn().RemoteAddr())
	if topics := s.Topics(); len(topics) > 0 {
		seat.Topic = topics[0]
	}
	return seat
}
