// SPDX-License-Identifier: MPL-2.0

package recovery

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Judge decides what opening the store does. Whatever disagrees is refused, all of it
// and before anything is done; a plan that refuses has no steps.
func Judge(w *Witness) Plan {
	p := Plan{Refused: []Disagreement{}, Steps: []Step{}, Keep: map[digest.Hash]uint64{}}
	p.judgeFiles(w)
	if w.AOF.State != Sound {
		return p
	}
	if w.Closed.File > w.Closed.AOF {
		p.refuse(KindOlder, digest.Hash{}, fmt.Sprintf("aof/ is of the time when the store had been closed %d times, and it was closed %d times", w.Closed.AOF, w.Closed.File))
	}
	for i := range w.Logs {
		p.judgeLog(&w.Logs[i], w.Identity.State == Sound)
	}
	if len(p.Refused) > 0 {
		return Plan{Refused: p.Refused, Steps: []Step{}}
	}
	return p
}

// judgeFiles judges the files that there is one of.
func (p *Plan) judgeFiles(w *Witness) {
	for _, f := range []struct {
		kind Kind
		name string
		File
	}{
		{KindFormat, "FORMAT", w.Format},
		{KindIdentity, "identity.key", w.Identity},
		{KindAOF, "aof/data.mdb", w.AOF},
	} {
		switch f.State {
		case Missing:
			p.refuse(f.kind, digest.Hash{}, f.name+" is missing, and other files of the store are there")
		case Damaged:
			p.refuse(f.kind, digest.Hash{}, f.What)
		}
	}
}

func (p *Plan) judgeLog(l *Log, identity bool) {
	if l.Row == nil {
		p.judgeUnknown(l)
		return
	}
	if l.Row.Own && identity && !l.Row.TopicMissing && l.Row.Author != l.Row.Key {
		p.refuse(KindIdentity, l.ID, "identity.key is not the one that this log of the store was written with")
	}
	if l.Files.Flaw != "" {
		p.refuse(KindPages, l.ID, l.Files.Flaw)
		return
	}
	if l.Row.Own {
		p.judgeOwn(l)
	}
	p.judgePages(l)
}

// judgeUnknown judges the files of a log that has no row. Those of others are left
// alone; a log of our own was known to a newer AOF.
func (p *Plan) judgeUnknown(l *Log) {
	if l.Ours && l.Files.Segments {
		p.refuse(KindOlder, l.ID, "aof/ does not know this log of the store, of which pages are there")
	}
}

// judgeOwn judges a log that the store appends to. To go on with less of it than
// it signed, or stored, would fork it, unless its row says so: then it takes no
// appends until all is back, and what came back already is no surprise.
func (p *Plan) judgeOwn(l *Log) {
	known := max(l.Row.Size, l.Row.Signed)
	switch {
	case l.Head.State == Damaged:
		p.refuse(KindHead, l.ID, "the checkpoint kept with its pages: "+l.Head.What)
	case l.Head.Size > known:
		p.refuse(KindOlder, l.ID, fmt.Sprintf(
			"aof/ holds %d events of this log of the store, which signed %d before: this is an older copy of the store, and appending would fork the log", l.Row.Size, l.Head.Size))
	case l.Files.reach() > known:
		p.refuse(KindOlder, l.ID, fmt.Sprintf(
			"aof/ holds %d events of this log of the store, its pages %d: this is an older copy of the store, and appending would fork the log", l.Row.Size, l.Files.reach()))
	}
}

// reach returns the sequence after the last event of the pages past the sealed
// ones that continue them.
func (f *Files) reach() (end uint64) {
	for _, p := range f.Beyond {
		if p.Follows {
			end = max(end, p.End)
		}
	}
	return end
}
