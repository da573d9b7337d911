// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Snapshot is what an open store held at one moment: a data file of its own,
// and the pages of the store that the file's rows call sealed. Those never
// change, except that something of them is erased.
type Snapshot struct {
	At           time.Time
	Device       identity.Device
	AOF          string // directory of the data file
	Seed         string // path of identity.key, or "" if it was left out
	Locked       bool   // that has a passphrase
	PageBytes    int
	SegmentPages int
	Topics       []*Topic
	Logs         []SnapshotLog

	fs  durable.FS
	dir string
}

// A SnapshotLog is a log of a snapshot, and what its events give.
type SnapshotLog struct {
	aof.LogRow
	Root digest.Hash
}

// Files returns the page files of a log of the snapshot.
func (n *Snapshot) Files(l *SnapshotLog) *segwriter.Raw {
	return segwriter.OpenRaw(n.fs, n.dir, segwriter.ParamsOf(l.Name(), n.SegmentPages))
}

// Snapshot writes what the last commit left to new directories below tmp.
// Appends go on meanwhile. Every log in it is under a signed head of at least
// its size. Without the identity it holds neither seed nor generation, no secret
// of an account, and no log is its own.
func (s *Store) Snapshot(tmp string, named bool) (*Snapshot, error) {
	n := &Snapshot{
		At: s.opts.Now(), Device: s.device, AOF: filepath.Join(tmp, "copy"),
		PageBytes: s.format.PageBytes, SegmentPages: s.format.SegmentPages, fs: s.opts.FS, dir: s.dir,
	}
	if err := s.aof.CopyTo(n.AOF); err != nil {
		return nil, err
	}
	a, err := aof.Open(n.AOF, aof.Options{MustExist: true, Key: s.key})
	if err != nil {
		return nil, err
	}
	err = a.View(func(v *aof.View) error { return n.read(s, v) })
	if err == nil && named {
		n.Seed, n.Locked = s.path(layout.SeedName), s.locked
		err = a.Commit(n.putSigned)
	} else if err == nil {
		n.AOF = filepath.Join(tmp, "nameless")
		err = n.rewrite(a)
	}
	return n, errors.Join(err, a.Close())
}

// read reads topics and logs from the copy's rows, and signs the store's own
// logs as they are there: their events are durable.
func (n *Snapshot) read(s *Store, v *aof.View) error {
	topics := map[digest.Hash]*Topic{}
	err := aof.EachRow(v, layout.Topics, func(_ uint32, t *Topic) error {
		topics[t.ID], n.Topics = t, append(n.Topics, t)
		return nil
	})
	if err != nil {
		return err
	}
	return v.ForEachLog(func(row aof.LogRow) error {
		peaks, err := s.peaksAt(&row)
		if err != nil {
			return err
		}
		if err := mergeTail(v, &row, &peaks); err != nil {
			return err
		}
		l := SnapshotLog{LogRow: row, Root: peaks.Root()}
		if t := topics[row.Topic]; row.Own && row.Size > 0 && t != nil {
			h := proof.Sign(s.device.AuthorKey(t.Genesis), row.ID, row.Size, l.Root)
			l.HeadSize, l.HeadRoot, l.HeadSig, l.HighWater = h.Size, h.Root, h.Sig, max(row.HighWater, h.Size)
		}
		n.Logs = append(n.Logs, l)
		return nil
	})
}

// peaksAt returns the peaks of a log at its sealed pages.
func (s *Store) peaksAt(row *aof.LogRow) (mmrindex.Peaks, error) {
	if row.SealedPages == 0 {
		return mmrindex.Peaks{}, nil
	}
	l, err := s.Log(row.ID)
	if err != nil {
		return mmrindex.Peaks{}, err
	}
	return s.sealedMountains(l, row.SealedPages, row.SealedSize)
}

// mergeTail adds the events of a log that are in no sealed page to its peaks.
func mergeTail(v *aof.View, row *aof.LogRow, m *mmrindex.Peaks) error {
	end := row.SealedSize
	err := replayEvents(v, row, row.Size, func(b *messages.Batch) error {
		end = b.End()
		for _, leaf := range b.Leaves {
			if err := m.Append(leaf, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && end != row.Size {
		err = &corrupt.Error{Where: "log " + row.ID.String(), What: fmt.Sprintf("%d events, its row says %d", end, row.Size)}
	}
	return err
}

func (n *Snapshot) putSigned(t *aof.Txn) error {
	for i := range n.Logs {
		if row := &n.Logs[i].LogRow; row.Own {
			if err := t.PutLog(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// VerifyLog computes the root of a log of a snapshot from its pages and from its
// events in the AOF, and holds it against the head that its author signed.
func VerifyLog(v *aof.View, row *aof.LogRow, files segwriter.PageSource, segmentPages int) (digest.Hash, error) {
	var m mmrindex.Peaks
	err := segwriter.Walk(files, segwriter.ParamsOf(row.Name(), segmentPages), row.SealedPages, func(page uint64, r merkleindex.CompactRange) error {
		if err := m.Merge(r, nil); err != nil {
			return &corrupt.Error{Where: fmt.Sprintf("log %s page %d", row.ID, page), What: "its events", Err: err}
		}
		return nil
	})
	if err == nil && m.Size() != row.SealedSize {
		err = &corrupt.Error{Where: "log " + row.ID.String(), What: fmt.Sprintf("%d events in its pages, its row says %d", m.Size(), row.SealedSize)}
	}
	if err == nil {
		err = mergeTail(v, row, &m)
	}
	if err != nil || row.Size == 0 {
		return m.Root(), err
	}
	p := &LogState{Size: row.Size, Peaks: m, head: row.Head(), Right: row.Right}
	if err := p.head.Verify(row.Author[:]); err != nil {
		return m.Root(), &corrupt.Error{Where: "log " + row.ID.String(), What: "its head", Err: err}
	}
	return m.Root(), checkHead(row.ID, p)
}

// PageParams says how a log lies in page files.
func PageParams(n identity.LogName, segmentPages int) segwriter.Params {
	return segwriter.ParamsOf(n, segmentPages)
}

// Locked reports whether identity.key has a passphrase.
func (s *Store) Locked() bool { return s.locked }

// GenerationIn reads the generation of a store from its AOF.
func GenerationIn(a *aof.Store) (g identity.Generation, err error) {
	var f layout.Format
	err = a.View(func(v *aof.View) error { return keepDevice(v, &f) })
	return f.Generation, err
}
