// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/segwriter"
)

// pieces are those of one segment, as the file that they are the beginning of.
type pieces struct {
	list  []Piece
	files []*os.File
}

// openPieces opens the pieces of a segment of a log.
func openPieces(dir string, l *Log, segment uint64) (*pieces, error) {
	s := &pieces{}
	for _, p := range l.Pieces {
		if p.Segment != segment {
			continue
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(p.Name)))
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.list, s.files = append(s.list, p), append(s.files, f)
	}
	return s, nil
}

func (s *pieces) close() (err error) {
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	s.files = nil
	return err
}

// ReadAt implements io.ReaderAt over all pieces.
func (s *pieces) ReadAt(b []byte, off int64) (done int, err error) {
	for i, p := range s.list {
		if off >= p.Bytes {
			off -= p.Bytes
			continue
		}
		n, err := s.files[i].ReadAt(b[done:min(int64(len(b)), int64(done)+p.Bytes-off)], off)
		if done += n; done == len(b) {
			return done, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return done, err
		}
		if off += int64(n); off < p.Bytes {
			return done, io.ErrUnexpectedEOF // the file is shorter than the manifest says
		}
		off = 0
	}
	return done, io.EOF
}

// pages reads the pages of a log in a backup, a segment at a time.
type pages struct {
	dir     string
	l       *Log
	params  segwriter.Params
	open    *pieces
	reader  *segwriter.SegmentReader
	segment uint64
}

// Page implements segwriter.PageSource.
func (p *pages) Page(page uint64) (h segwriter.PageHeader, b []byte, err error) {
	segment := page / uint64(p.params.SegmentPages)
	if p.open == nil || segment != p.segment {
		if err := p.close(); err != nil {
			return h, nil, err
		}
		if p.open, err = openPieces(p.dir, p.l, segment); err != nil {
			return h, nil, err
		}
		path := filepath.Join(p.dir, logsName, p.l.ID.String())
		if p.reader, err = segwriter.NewSegmentReader(p.open, path, p.params, segment); err != nil {
			return h, nil, err
		}
		p.segment = segment
	}
	return p.reader.Page(page)
}

func (p *pages) close() error {
	if p.open == nil {
		return nil
	}
	open := p.open
	p.open = nil
	return open.close()
}
