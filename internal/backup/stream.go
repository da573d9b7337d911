// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Stream writes a whole backup as a tar archive, the manifest last: unpacked, it
// is what Write makes. A stream that ended early has no manifest.
func Stream(ctx context.Context, st *store.Store, to io.Writer, o Options) (r Report, err error) {
	tmp, err := tempDir("xaeroflux-backup-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	t := &tarTarget{w: tar.NewWriter(&endingWriter{ctx, to}), now: time.Now()}
	w := &writer{ctx: ctx, to: t, o: o, report: Report{Manifest: &Manifest{Number: 1}}}
	w.temp = inTemp
	if err := w.write(st, tmp); err != nil {
		return r, fmt.Errorf("backup: %w", err)
	}
	return w.report, nil
}

// A tarTarget writes an archive.
type tarTarget struct {
	w   *tar.Writer
	now time.Time
}

func (t *tarTarget) put(ctx context.Context, name string, size int64, r io.Reader) (sum digest.Hash, err error) {
	if err := t.w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: t.now, Format: tar.FormatPAX}); err != nil {
		return sum, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(t.w, h), &reader{ctx, r})
	if err == nil && n != size {
		err = fmt.Errorf("%s: %d bytes, want %d", name, n, size)
	}
	return digest.Hash(h.Sum(nil)), err
}

func (t *tarTarget) finish(m *Manifest) error {
	b, err := m.encode()
	if err != nil {
		return err
	}
	if err := t.w.WriteHeader(&tar.Header{Name: ManifestName, Mode: 0o600, Size: int64(len(b)), ModTime: t.now, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = t.w.Write(b)
	return errors.Join(err, t.w.Close())
}

// An endingWriter ends with its context, though what it writes to may block: that
// Write then goes on with bytes of its own until it returns.
type endingWriter struct {
	ctx context.Context
	to  io.Writer
}

// A written is how a Write ended.
type written struct {
	n        int
	err      error
	panicked any
}

func (w *endingWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	done, own := make(chan written, 1), bytes.Clone(b)
	go func() {
		r := written{err: io.ErrShortWrite}
		defer func() {
			r.panicked = recover()
			done <- r
		}()
		r.n, r.err = w.to.Write(own)
	}()
	select {
	case r := <-done:
		if r.panicked != nil {
			panic(r.panicked) // on the caller's goroutine, who may expect it
		}
		return r.n, r.err
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	}
}
