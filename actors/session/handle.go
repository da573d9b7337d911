// SPDX-License-Identifier: MPL-2.0

package session

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// What others see of a session, and what they may tell it.

// Conn returns its connection.
func (s *Session) Conn() transport.Conn { return s.conn }

// Since returns when it began.
func (s *Session) Since() time.Time { return s.since }

// Known reports whether the peer greeted as a member of a topic.
func (s *Session) Known() bool { return s.known.Load() }

// Stopped is closed when the session does nothing more.
func (s *Session) Stopped() <-chan struct{} { return s.stopped }

// Err returns why the session ended, or nil.
func (s *Session) Err() error { return s.why() }

// Ended returns why the session ended, for people: what this side ended it with, or its
// error, or that of the connection.
func (s *Session) Ended() error {
	if bye := s.bye.Load(); bye != nil { // whatever the peer did then
		return fmt.Errorf("ended here: %s", *bye)
	}
	return cmp.Or(s.why(), s.conn.Err())
}

// Fail takes note of why the session ends; only the first reason counts.
func (s *Session) Fail(err error) { s.fail(err) }

// Check makes the session ask whether the peer is there: the network may be
// another one, or the peer was seen elsewhere.
func (s *Session) Check() { s.tell(&check{}) }

// Caller is the peer as extensions know it.
func (s *Session) Caller() doors.Caller {
	return doors.Caller{Peer: s.conn.Peer(), Topics: s.Topics()}
}

// A say makes a session send a word of a capability.
type say struct {
	topic      identity.TopicID
	capability string
	data       []byte
}

// Say sends a word to the peer and reports whether it shares the topic.
func (s *Session) Say(topic identity.TopicID, capability string, data []byte) (shared bool) {
	if _, shared = s.Number(topic); shared {
		s.tell(&say{topic, capability, data})
	}
	return shared
}

func (s *Session) say(m *say) {
	if number, shared := s.Number(m.topic); shared && s.core != nil {
		s.do(syncer.Send{Message: &messages.Presence{Topic: number, Capability: m.capability, Data: m.data}})
	}
}

// wholeOf returns those topics that no certificates share.
func wholeOf(topics []syncer.SharedTopic) []syncer.SharedTopic {
	return slices.DeleteFunc(slices.Clone(topics), func(t syncer.SharedTopic) bool { return t.Reach != nil })
}

func idsOf(topics []syncer.SharedTopic) []identity.TopicID {
	ids := make([]identity.TopicID, 0, len(topics))
	for _, t := range topics {
		ids = append(ids, t.ID)
	}
	return ids
}
