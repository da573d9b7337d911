// SPDX-License-Identifier: MPL-2.0

package session

import (
	"errors"
	"log/slog"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// proveFork makes evidence of a head that the store's own events contradict.
func (s *Session) proveFork(o syncer.Fork) {
	l, err := s.set.Store.Log(o.Log)
	if err != nil {
		s.set.Logger.Warn("a fork that is not proven", slog.String("log", o.Log.String()), slog.Any("error", err))
		return
	}
	f, err := s.set.Store.ProveFork(l, o.Theirs)
	if err != nil {
		s.set.Logger.Warn("a fork that is not proven", slog.String("log", o.Log.String()), slog.Any("error", err))
		return
	}
	s.freeze(f)
}

// freeze stores a verified fork. Sessions hear of it as of any change of a log.
// That of a log which is not held counts against the quota like events of it:
// who has many keys can fork many logs.
func (s *Session) freeze(f proof.Fork) {
	_, err := s.set.Store.Log(f.Log())
	if errors.Is(err, store.ErrUnknownLog) {
		err = s.set.Pipeline.Room(f.Log(), len(f.Encode()))
	}
	if err == nil {
		err = s.set.Pipeline.Freeze(s.ctx, f)
	}
	switch {
	case err == nil:
		s.set.Logger.Warn("a log is frozen: its author signed two heads that cannot both be true",
			slog.String("log", f.Log().String()), slog.String("peer", s.conn.Peer().Short()),
			slog.Uint64("size", f.Old.Size), slog.Uint64("other size", f.New.Size))
	case streams.CannotStore(err) && !streams.Passes(err):
		s.failHere(err)
	default:
		s.set.Logger.Warn("a fork is not stored", slog.String("log", f.Log().String()), slog.Any("error", err))
	}
}

// tellFork sends the proof of a fork.
func (s *Session) tellFork(o syncer.TellFork) {
	if text := s.set.Store.Fork(o.Log); text != nil {
		s.do(syncer.Send{Message: &messages.Fork{Topic: o.Topic, Proof: text}})
	}
}
