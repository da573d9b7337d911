// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Options of a backup.
type Options struct {
	WithoutIdentity bool
	// Progress, if it is not nil, is told the bytes done and to do.
	Progress func(done, total int64)
}

// ErrNameless is returned for a backup without identity of a store with a passphrase.
var ErrNameless = fmt.Errorf("%w, and a backup without identity would hold the keys of its topics in the clear: back up with the identity, which the passphrase keeps, or remove the passphrase first", identity.ErrPassphrase)

// A Report says what a backup holds, and what was written for it.
type Report struct {
	*Manifest
	Written int64 // bytes
	Kept    int64 // bytes that were there already
}

// Events returns how many events of the application the backup holds.
func (m *Manifest) Events() (n uint64) {
	for i := range m.Logs {
		if m.Logs[i].Kind == "data" {
			n += m.Logs[i].Size
		}
	}
	return n
}

// Bytes returns how many bytes all files of the backup have.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.files() {
		n += f.Bytes
	}
	return n
}

// A target takes the files of a backup. Files that put gets are durable once finish
// returns, which comes last.
type target interface {
	put(ctx context.Context, name string, size int64, r io.Reader) (digest.Hash, error)
	finish(*Manifest) error
}

// A writer makes one backup.
type writer struct {
	ctx    context.Context
	to     target
	o      Options
	before map[digest.Hash]*Log // what the target holds whole, by log
	had    []Log                // what it says that it holds
	report Report
	temp   func(error) error // says where the snapshot is, if that is not in the backup
	plan   []copying
	total  int64
}

// A copying is a piece that is to be copied.
type copying struct {
	log, piece int
	from       int64 // in the segment's file
}

// write makes a backup of an open store; tmp is a directory for its use.
func (w *writer) write(st *store.Store, tmp string) error {
	if w.o.WithoutIdentity && st.Locked() {
		return ErrNameless
	}
	snap, err := st.Snapshot(tmp, !w.o.WithoutIdentity)
	if t := durable.TroubleOf(err); w.temp != nil && (t == durable.Full || t == durable.Denied) {
		err = w.temp(err)
	}
	if err != nil {
		return err
	}
	w.describe(snap)
	for i := range snap.Logs {
		if err := w.planLog(snap, &snap.Logs[i]); err != nil {
			return err
		}
	}
	if err := w.shrinks(); err != nil {
		return err
	}
	for _, c := range w.plan {
		if err := w.copyPiece(snap, c); err != nil {
			return err
		}
	}
	if err := w.state(snap); err != nil {
		return err
	}
	return w.to.finish(w.report.Manifest)
}

// describe says what the snapshot holds, but for its files.
func (w *writer) describe(snap *store.Snapshot) {
	m := w.report.Manifest
	m.Time, m.Store = snap.At.UTC().Truncate(time.Millisecond), storeOf(snap.Device.Seed)
	m.PageBytes, m.SegmentPages, m.Topics, m.Logs = snap.PageBytes, snap.SegmentPages, []Topic{}, []Log{}
	m.Identity = IdentityNone
	if snap.Seed != "" {
		m.Identity, m.Peer = IdentityPlain, snap.Device.PeerID().String()
	}
	if snap.Locked {
		m.Identity = IdentitySealed
	}
	for _, t := range snap.Topics {
		m.Topics = append(m.Topics, Topic{ID: t.ID, Name: t.Name, Log: t.Log})
	}
}

// storeOf is what all backups of one seed have in common.
func storeOf(seed identity.Seed) string {
	h := digest.Tagged("xaeroflux backup of v1", seed[:])
	return hex.EncodeToString(h[:16])
}

// planLog finds out which pages of a log the target has, and which it wants.
func (w *writer) planLog(snap *store.Snapshot, l *store.SnapshotLog) error {
	m := w.report.Manifest
	m.Logs = append(m.Logs, Log{ID: l.ID, Topic: l.Topic, Kind: l.Kind.String(), Own: l.Own, Size: l.Size, Root: l.Root, Pages: l.SealedPages})
	n := uint64(snap.SegmentPages)
	for segment := range (l.SealedPages + n - 1) / n {
		if err := w.planSegment(snap, l, segment, int(min(l.SealedPages-segment*n, n))); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}

// maxPieces bounds the files of one segment: at the bound it is copied anew.
const maxPieces = 16

func (w *writer) planSegment(snap *store.Snapshot, l *store.SnapshotLog, segment uint64, pages int) error {
	p, err := snap.Files(l).Prefix(segment, pages)
	if err != nil {
		return err
	}
	if err := p.File.Close(); err != nil {
		return err
	}
	at := len(w.report.Logs) - 1
	log := &w.report.Logs[at]
	have, bytes := w.kept(l.ID, segment, pages, p.Rewrite)
	for _, piece := range have {
		log.Pieces = append(log.Pieces, piece)
		w.report.Kept += piece.Bytes
	}
	first := 0
	if len(have) > 0 {
		first = have[len(have)-1].End
	}
	if first == pages {
		return nil
	}
	piece := Piece{Segment: segment, First: first, End: pages, Rewrite: p.Rewrite}
	piece.Name = fmt.Sprintf("%s/%s/%06d.%d-%d.%d", logsName, l.ID, segment, first, pages, w.report.Number)
	piece.Bytes = p.Bytes - bytes
	w.plan = append(w.plan, copying{log: at, piece: len(log.Pieces), from: bytes})
	log.Pieces = append(log.Pieces, piece)
	w.total += piece.Bytes
	return nil
}

// kept returns the pieces of a segment that the target has and that can stay,
// and their bytes.
func (w *writer) kept(id digest.Hash, segment uint64, pages int, rewrite uint32) (have []Piece, bytes int64) {
	before := w.before[id]
	if before == nil {
		return nil, 0
	}
	for _, p := range before.Pieces {
		if p.Segment != segment {
			continue
		}
		if p.Rewrite != rewrite || p.End > pages {
			return nil, 0
		}
		have, bytes = append(have, p), bytes+p.Bytes
	}
	if n := len(have); n > 0 && have[n-1].End < pages && (n >= maxPieces || rewrite > 0) {
		return nil, 0
	}
	return have, bytes
}

// copyPiece copies pages of the store, and looks at each of them.
func (w *writer) copyPiece(snap *store.Snapshot, c copying) (err error) {
	piece := &w.report.Logs[c.log].Pieces[c.piece]
	p, err := snap.Files(&snap.Logs[c.log]).Prefix(piece.Segment, piece.End)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.File.Close()) }()
	if piece.Rewrite != p.Rewrite {
		return errRewritten
	}
	for i := piece.First; i < piece.End; i++ {
		if _, _, err := p.Page(piece.Segment*uint64(snap.SegmentPages) + uint64(i)); err != nil {
			return err
		}
	}
	return w.put(&piece.File, io.NewSectionReader(p.File, c.from, piece.Bytes))
}

// errRewritten is the end of a try: something of a segment was erased meanwhile.
var errRewritten = errors.New("something was erased while the backup was made; make it again")

// state copies what is not in pages.
func (w *writer) state(snap *store.Snapshot) error {
	m := w.report.Manifest
	m.AOF.Name = fmt.Sprintf("%s/%d.mdb", stateName, m.Number)
	if err := w.putFile(&m.AOF, filepath.Join(snap.AOF, "data.mdb")); err != nil || snap.Seed == "" {
		return err
	}
	m.Seed = &File{Name: fmt.Sprintf("%s/%d.key", stateName, m.Number)}
	return w.putFile(m.Seed, snap.Seed)
}

func (w *writer) putFile(f *File, path string) (err error) {
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	f.Bytes = info.Size()
	return w.put(f, r)
}

func (w *writer) put(f *File, r io.Reader) (err error) {
	if f.SHA256, err = w.to.put(w.ctx, f.Name, f.Bytes, r); err != nil {
		return err
	}
	w.report.Written += f.Bytes
	if w.o.Progress != nil {
		w.o.Progress(w.report.Written, max(w.total, w.report.Written))
	}
	return nil
}
