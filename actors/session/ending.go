// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// notStored takes note of why something that the peer brought is not stored. A
// store that takes nothing more needs no session that brings more.
func (s *Session) notStored(log digest.Hash, err error) {
	s.unmet(log, err)
	switch {
	case err == nil:
	case streams.Passes(err):
		s.stats.setTrouble(err)
	case streams.CannotStore(err):
		s.failHere(err)
	}
}

// lost ends the session after a stream failed: by what the peer sent, or
// because the peer is gone.
func (s *Session) lost(err error) {
	var v *syncer.Violation
	switch {
	case errors.As(syncer.Violated(err), &v):
		s.do(syncer.Fail{Code: v.Code, Text: v.Text})
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		s.do(syncer.Fail{Code: messages.CodeTimeout, Text: "nothing moved in time"})
	default:
		s.fail(err)
		s.hangUp(messages.CodeClosing, "")
	}
}

// hangUp closes the connection at once.
func (s *Session) hangUp(code messages.Code, text string) {
	s.out.close()
	s.conn.CloseWithError(uint64(code), text)
}

// lastWord is the error of a session that the peer ended.
func (s *Session) lastWord(o syncer.Closed) error {
	if o.Code == messages.CodeDuplicate {
		return &TwinError{Peer: s.conn.Peer(), Own: true}
	}
	return &syncer.PeerError{Peer: s.conn.Peer(), Code: o.Code, Text: o.Text, Remote: true}
}

// refuse ends the session and tells the peer why, once.
func (s *Session) refuse(code messages.Code, text string) {
	if !s.fail(&syncer.PeerError{Peer: s.conn.Peer(), Code: code, Text: text}) {
		return
	}
	s.set.Refused(code)
	text = tellable(text)
	s.out.send(&messages.Error{Code: code, Text: text}, false)
	s.close(code, text)
}

// tellable is what a peer is told of a rule that it broke.
func tellable(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), messages.MaxTextBytes)], "")
}

// close lets the writer say what waits, then closes the connection.
func (s *Session) close(code messages.Code, text string) {
	s.ended.Do(func() {
		s.out.close()
		timer := time.AfterFunc(GoodbyeGrace, func() { s.conn.CloseWithError(uint64(code), text) })
		context.AfterFunc(s.ctx, func() { timer.Stop() })
	})
}

// ErrHungUp is why a session ends whose peer closed the stream and said no more.
var ErrHungUp = errors.New("it closed the session")

// fail takes note of why the session ends; only the first reason counts.
func (s *Session) fail(err error) bool {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("peer %s: %w", s.conn.Peer().Short(), ErrHungUp)
	}
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	if s.stats.end.err != nil {
		return false
	}
	s.stats.end = fault{err, time.Now()}
	s.stats.notify()
	return true
}
