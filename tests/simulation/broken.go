// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// dropEvery is how many ingests the control stores before it drops one.
const dropEvery = 3

// few is how many topics, and DIFFs of a session, the controls Few and Narrow know.
const few = 4

// chokes reports whether the control Narrow ends the session for what it says.
func (e *end) chokes(out []syncer.Output) bool {
	if e.w.opt.Control != Narrow || !e.p.broken() {
		return false
	}
	for _, o := range out {
		if m, ok := o.(syncer.Send); ok && m.Message.Type() == messages.TypeDiff {
			e.diffs++
		}
	}
	if e.diffs > few {
		e.goodbye(messages.CodeLimit)
	}
	return e.diffs > few
}

// patient reports whether the control Patient has this session.
func (e *end) patient() bool { return e.w.opt.Control == Patient && e.p.broken() }

// drops reports whether the control DropsSome drops an ingest.
func (p *peer) drops() bool {
	if p.w.opt.Control != DropsSome || !p.broken() {
		return false
	}
	p.count++
	return p.count%dropEvery == 0
}

// ignores reports whether a control keeps an input from the session.
func (e *end) ignores(in syncer.Input) bool {
	if !e.numb {
		return false
	}
	switch in := in.(type) {
	case syncer.Tick, syncer.Graft:
		return true
	case syncer.Received:
		switch in.Message.(type) {
		case *messages.Peaks, *messages.Diff, *messages.SyncDone, *messages.Graft, *messages.Have:
			return true
		}
	}
	return false
}

// lazy makes the links of the control Ungrafted lazy, for good; later sessions
// state nothing from their beginning.
func (e *end) lazy(topic digest.Hash) {
	if e.w.opt.Control == Ungrafted && e.p.broken() && !e.numb {
		e.numb, e.p.numb = true, true
		e.post(syncer.Prune{Topic: topic})
	}
}

// An inputText puts an input into words, when somebody asks.
type inputText struct{ in syncer.Input }

// String implements fmt.Stringer.
func (t inputText) String() string {
	switch in := t.in.(type) {
	case syncer.Received:
		return "received " + messageText(in.Message)
	case syncer.Advanced:
		return "log " + in.Log.Short() + " grew"
	case syncer.Stored:
		return fmt.Sprintf("stored log %s to %d", in.Log.Short(), in.Size)
	case syncer.IngestFailed:
		return fmt.Sprintf("log %s is not stored: %v", in.Log.Short(), in.Err)
	case syncer.PullDone:
		return fmt.Sprintf("pulled log %s: error %v, others %v", in.Log.Short(), in.Err, in.Others)
	case syncer.Served:
		return fmt.Sprintf("served log %s to %d, partly %v: error %v", in.Log.Short(), in.EndSize, in.Partly, in.Err)
	case syncer.TopicAdded:
		return "joined topic " + in.Topic.ID.Short()
	case syncer.TopicRemoved:
		return "left topic " + in.Topic.ID.Short()
	}
	return fmt.Sprintf("%T %+v", t.in, t.in)
}

func messageText(m messages.Message) string {
	switch m := m.(type) {
	case *messages.Events:
		return fmt.Sprintf("EVENTS of log %s from %d, %d under a head of %d", m.Log.Short(), m.First, m.Count, m.Head.Size)
	case *messages.Diff:
		text := fmt.Sprintf("DIFF of rung %d, part %v, more %v, body of %d bytes", m.Rung, m.Part, m.More, len(m.Body))
		for _, l := range m.Entries {
			text += fmt.Sprintf(", log %s: %d events, %d pages", l.Log.Short(), l.Size, l.Pages)
		}
		return text
	case *messages.Have:
		return fmt.Sprintf("HAVE of %d logs", len(m.Logs))
	case *messages.Graft:
		return fmt.Sprintf("GRAFT of %d logs", len(m.Logs))
	case *messages.SyncDone:
		return fmt.Sprintf("SYNC_DONE, %d logs, %x, ask %v", m.Logs, m.Digest[:4], m.Ask)
	case *messages.Peaks:
		return fmt.Sprintf("PEAKS, %d logs, %x", m.Logs, m.Digest[:4])
	}
	return m.Type().String()
}
