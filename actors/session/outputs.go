// SPDX-License-Identifier: MPL-2.0

package session

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// do carries out one output of the step function.
func (s *Session) do(o syncer.Output) {
	switch o := o.(type) {
	case syncer.Send:
		if !s.out.send(o.Message, s.answering) {
			s.refuse(messages.CodeLimit, "too much waits to be read")
		}
	case syncer.Push:
		s.out.push(push{topic: o.Topic, log: o.Log, from: o.From, to: o.To, live: o.Live})
		s.pulse.Pushed(time.Now(), s.signs())
		s.setAlarm()
	case syncer.Ingest:
		s.ingest(o.Verified)
	case syncer.Pull:
		s.queued = append(s.queued, o)
		s.pullNext()
	case syncer.WantTick:
		s.wantTick()
	case syncer.Agreed:
		if !s.whole(o.Topic) {
			return
		}
		if o.Now {
			s.set.Store.MetPeer(o.Topic) // before whoever waits for the agreement appends
			if o.Member {                // a newcomer knows of the roster what we told it
				s.set.Agreed(o.Topic)
			}
		}
		s.setAgreed(o.Topic, o.Now)
		if o.Now && !o.Partial {
			s.set.Store.Agreed(s.conn.Peer(), o.Topic, o.Set)
			s.set.saveCursors(false)
		}
	case syncer.LeftAlone:
		s.stats.setUnmet(o.Why)
		if errors.Is(o.Why, pipeline.ErrQuota) {
			s.set.Refused(messages.CodeQuota)
		}
	case syncer.Covered: // our own log is, too
		s.set.Store.MetPeer(o.Topic)
	case syncer.Synced:
		s.stats.setSynced(o.Sync)
	case syncer.Apart:
		s.setApart(o)
	case syncer.Drain:
		s.drain(o)
	case syncer.Shared:
		first := s.addShared(o.Topics)
		if first {
			s.admit()
		}
		whole := wholeOf(o.Topics)
		s.set.links.join(s, whole)
		s.set.Host.Shares(s, idsOf(whole), first)
		s.snapped = time.Time{} // the one of the greeting is old
		s.pulse.Begin(time.Now(), s.conn.Dialer(), s.dozes.Load() || s.set.Doze)
		s.setAlarm()
	case syncer.Left:
		s.dropShared(o.Topic)
	case syncer.Presence:
		s.set.Doors.Hear(o.Capability, doors.Presence{Peer: s.conn.Peer(), Topic: o.Topic, Data: slices.Clone(o.Data)})
	case syncer.Ponged: // any word of the peer is an answer (pulse)
	case syncer.Fail:
		if o.Err != nil {
			s.failHere(o.Err)
			return
		}
		s.refuse(o.Code, o.Text)
	case syncer.Closed:
		s.fail(s.lastWord(o))
		s.hangUp(messages.CodeOK, "")
	case syncer.Prove:
		s.prove(o.Request)
	case syncer.Cosign:
		s.cosign(o.Request)
	case syncer.Cosigned:
		s.cosigned(o.Response)
	case syncer.OwnAhead:
		s.set.Logger.Warn("a peer holds more of our own log: this store is an older copy of itself and fetches its events back",
			slog.String("log", o.Log.String()), slog.Uint64("ours", o.Ours), slog.Uint64("theirs", o.Size))
		if err := s.set.Pipeline.OwnAhead(s.ctx, o); err != nil {
			s.failHere(err)
		}
	case syncer.Fork:
		s.set.Refused(messages.CodeFork)
		s.proveFork(o)
	case syncer.Forked:
		s.freeze(o.Fork)
	case syncer.TellFork:
		s.tellFork(o)
	case syncer.Diverged:
		s.set.Refused(messages.CodeFork)
		s.set.Logger.Warn("a peer's copy of a log does not continue ours: its author forked it, or the peer makes it seem so; it is left alone",
			slog.String("log", o.Log.String()), slog.String("peer", s.conn.Peer().Short()),
			slog.Uint64("our size", o.Ours.Size), slog.String("our root", o.Ours.Root.String()),
			slog.Uint64("their size", o.Theirs.Size), slog.String("their root", o.Theirs.Root.String()))
		if err := s.set.Pipeline.Renew(s.ctx, o.Log, o.Ours); err != nil {
			s.failHere(err)
		}
	case syncer.Peers:
		s.hearPeers(o)
	default:
		if s.link(o) {
			return
		}
		s.set.Logger.Info("session", slog.String("peer", s.conn.Peer().Short()), slog.Any("says", o))
	}
}
