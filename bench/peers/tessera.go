// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// Tessera is the log of transparency.dev on a POSIX file system.
var Tessera = &Peer{
	Name:    "tessera",
	Module:  "github.com/transparency-dev/tessera",
	Promise: "synced to disk with a sequence, in the Merkle tree; the signed checkpoint follows within 100 ms",
	Tuning:  "a batch is as many entries as all callers can bring, or what came in 1 ms (5 ms for many callers); checkpoint every 100 ms, its minimum; no antispam",
	Open:    openTessera,
}

type tesseraStore struct {
	add      *tessera.Appender
	shutdown func(context.Context) error
	reader   tessera.LogReader
	awaiter  *tessera.PublicationAwaiter
	verifier note.Verifier
	cancel   context.CancelFunc
}

func openTessera(dir string, h Hint) (Store, error) {
	quiet()
	signer, verifier, err := tesseraKey(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(ctx)
	driver, err := posix.New(life, posix.Config{Path: filepath.Join(dir, "log")})
	if err != nil {
		cancel()
		return nil, err
	}
	waiting := max(h.Callers, 1) * max(h.Batch, 1)
	age := time.Millisecond
	if waiting > 64 {
		age = 5 * time.Millisecond
	}
	opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(uint(min(waiting, 8192)), age).
		WithCheckpointInterval(100 * time.Millisecond).
		WithPushback(uint(max(4*waiting, 4096)))
	s := &tesseraStore{verifier: verifier, cancel: cancel}
	s.add, s.shutdown, s.reader, err = tessera.NewAppender(life, driver, opts)
	if err != nil {
		cancel()
		return nil, err
	}
	s.awaiter = tessera.NewPublicationAwaiter(life, s.reader.ReadCheckpoint, time.Millisecond)
	return s, nil
}

// quiet turns off the log that Tessera writes to, which is the process's.
var quiet = sync.OnceFunc(func() {
	nowhere := slog.New(slog.DiscardHandler)
	klog.SetSlogLogger(nowhere)
	slog.SetDefault(nowhere)
})

// tesseraKey makes the log's key, or reads the one that was made.
func tesseraKey(path string) (note.Signer, note.Verifier, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		skey, vkey, err2 := note.GenerateKey(rand.Reader, "example.com/bench")
		if err2 != nil {
			return nil, nil, err2
		}
		b = []byte(skey + "\n" + vkey)
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return nil, nil, err
	}
	skey, vkey, _ := strings.Cut(string(b), "\n")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	return signer, verifier, err
}

func (s *tesseraStore) Append(payloads [][]byte) error {
	if len(payloads) == 1 {
		_, err := s.add.Add(ctx, tessera.NewEntry(payloads[0]))()
		return err
	}
	futures := make([]tessera.IndexFuture, len(payloads))
	for i, p := range payloads {
		futures[i] = s.add.Add(ctx, tessera.NewEntry(p))
	}
	for _, f := range futures {
		if _, err := f(); err != nil {
			return err
		}
	}
	return nil
}

// size returns the size of the published checkpoint.
func (s *tesseraStore) size() (uint64, []byte, error) {
	b, err := s.reader.ReadCheckpoint(ctx)
	if err != nil {
		return 0, nil, err
	}
	return s.parse(b)
}

func (s *tesseraStore) parse(b []byte) (size uint64, root []byte, err error) {
	n, err := note.Open(b, note.VerifierList(s.verifier))
	if err != nil {
		return 0, nil, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 3 {
		return 0, nil, fmt.Errorf("tessera: checkpoint of %d lines", len(lines))
	}
	if size, err = strconv.ParseUint(lines[1], 10, 64); err != nil {
		return 0, nil, err
	}
	root, err = base64.StdEncoding.DecodeString(lines[2])
	return size, root, err
}

func (s *tesseraStore) Iterate(fn func([]byte) error) error {
	size, _, err := s.size()
	if err != nil {
		return err
	}
	for i := uint64(0); i*256 < size; i++ {
		b, err := client.GetEntryBundle(ctx, s.reader.ReadEntryBundle, i, size)
		if err != nil {
			return err
		}
		for _, e := range b.Entries {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *tesseraStore) Get(seq int) ([]byte, error) {
	size, _, err := s.size()
	if err != nil {
		return nil, err
	}
	b, err := client.GetEntryBundle(ctx, s.reader.ReadEntryBundle, uint64(seq)/256, size)
	if err != nil {
		return nil, err
	}
	if seq%256 >= len(b.Entries) {
		return nil, fmt.Errorf("tessera: no entry %d", seq)
	}
	return b.Entries[seq%256], nil
}

type tesseraProof struct {
	s          *tesseraStore
	seq, size  uint64
	root, leaf []byte
	hashes     [][]byte
}

// Prove reads the tiles anew for each proof, as a client does that has none.
func (s *tesseraStore) Prove(seq int) (Proof, error) {
	size, root, err := s.size()
	if err != nil {
		return nil, err
	}
	b, err := client.NewProofBuilder(ctx, size, s.reader.ReadTile)
	if err != nil {
		return nil, err
	}
	hashes, err := b.InclusionProof(ctx, uint64(seq))
	return &tesseraProof{s: s, seq: uint64(seq), size: size, root: root, hashes: hashes}, err
}

func (p *tesseraProof) Hashes() int { return len(p.hashes) }

func (p *tesseraProof) Load() error {
	b, err := p.s.Get(int(p.seq))
	p.leaf = rfc6962.DefaultHasher.HashLeaf(b)
	return err
}

func (p *tesseraProof) Verify() error {
	return proof.VerifyInclusion(rfc6962.DefaultHasher, p.seq, p.size, p.leaf, p.hashes, p.root)
}

func (s *tesseraStore) AppendProvable(payload []byte) (func() error, error) {
	i, err := s.add.Add(ctx, tessera.NewEntry(payload))()
	return func() error {
		_, cp, err := s.awaiter.Await(ctx, func() (tessera.Index, error) { return i, nil })
		if err != nil {
			return err
		}
		if _, _, err := s.parse(cp); err != nil {
			return err
		}
		p, err := s.Prove(int(i.Index))
		if err != nil {
			return err
		}
		t := p.(*tesseraProof)
		if err := t.Load(); err != nil {
			return err
		}
		b, err := s.Get(int(i.Index))
		if err == nil && !bytes.Equal(b, payload) {
			err = fmt.Errorf("tessera: entry %d is another", i.Index)
		}
		return errors.Join(err, t.Verify())
	}, err
}

// Close waits until the checkpoint has everything.
func (s *tesseraStore) Close() error {
	err := s.shutdown(ctx)
	s.cancel()
	return err
}
