// SPDX-License-Identifier: MPL-2.0

package session

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// hearBurst is how many PEERS of a session count beyond one a second.
const hearBurst = 16

// tellPeers makes a session tell its peer of others, if there is news.
type tellPeers struct{}

// TellPeers makes the session tell its peer of others, if there is news.
func (s *Session) TellPeers() { s.tell(&tellPeers{}) }

func (s *Session) tellPeers() {
	if s.core == nil || s.core.State() != syncer.Syncing {
		return
	}
	addresses := s.set.Host.Addresses(s)
	for _, t := range s.Topics() {
		number, ok := s.Number(t)
		if !ok {
			continue
		}
		var texts []string
		for _, a := range addresses(t) {
			if text := a.String(); len(text) <= messages.MaxAddrBytes {
				texts = append(texts, text)
			}
		}
		if s.saidPeers == nil {
			s.saidPeers = map[identity.TopicID][]string{}
		}
		if !slices.Equal(texts, s.saidPeers[t]) {
			s.saidPeers[t] = texts
			s.do(syncer.Send{Message: &messages.Peers{Topic: number, Addresses: texts}})
		}
	}
}

func (s *Session) hearPeers(o syncer.Peers) {
	if s.heardPeers++; float64(s.heardPeers) <= hearBurst+time.Since(s.since).Seconds() {
		s.set.Host.Told(s, o.Topic, o.Addresses)
	}
}
