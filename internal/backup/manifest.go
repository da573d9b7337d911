// SPDX-License-Identifier: MPL-2.0

// Package backup writes a store that is open to a directory or a stream, keeps
// such a directory up to date, verifies it, and makes a store of it again
// (docs/format.md, "Backups").
//
// Rule: a file that is there is never changed. A backup adds files under names
// of its own, then replaces the manifest as a whole, and only then removes what
// the manifest does not name any more; so the directory holds the backup before
// or the new one, whenever it is interrupted.
//
// Start with Dir.Write, Verify and Restore.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Names in a backup.
const (
	ManifestName = "BACKUP"
	tmpName      = "tmp"
	stateName    = "state"
	logsName     = "logs"
)

// Errors of this package.
var (
	// ErrNone is returned for a directory that holds no backup.
	ErrNone = errors.New("no backup here; name the directory that one was written to")
	// ErrManifest is returned for a manifest that is damaged or of another version.
	ErrManifest error = damage("the manifest of the backup cannot be read")
	// ErrTarget is returned for a directory that nothing can be written to.
	ErrTarget = errors.New("cannot write there")
	// ErrIsBackup is returned for a backup that is taken for a store.
	ErrIsBackup = errors.New("this is a backup, not a store: restore it")
	// ErrArchive is returned if the directory of a backup is wanted and a file given.
	ErrArchive = errors.New("this is a file, and a backup is read from a directory: unpack the archive first")
	// ErrDamaged is what every *DamageError is.
	ErrDamaged error = damage("the backup is damaged")
)

// Forms in which a backup holds its store's identity.
const (
	IdentityNone  = "none"  // left out: who restores it gets an identity of its own
	IdentityPlain = "plain" // the seed, readable for whoever reads the backup
	// IdentitySealed is the seed under the passphrase that the store had at the time.
	// What is secret in the AOF of the backup is sealed under the seed.
	IdentitySealed = "sealed"
)

// A damage is an error that is a corrupt.Err too.
type damage string

func (d damage) Error() string      { return string(d) }
func (damage) Is(target error) bool { return target == corrupt.Err }

// A Manifest says what a backup holds. Its file is a line
//
//	xaeroflux backup 2 <SHA-256 of what follows, 64 hexadecimal digits>
//
// and the Manifest as JSON. Ids and hashes are lower-case hexadecimal. Version 1 is read
// as well: no identity in it is sealed, and neither are secrets in its AOF.
type Manifest struct {
	Number       uint64    `json:"number"` // of the backup in its directory, from 1
	Time         time.Time `json:"time"`   // of the snapshot
	Store        string    `json:"store"`  // the same for all backups of one seed
	Peer         string    `json:"peer,omitempty"`
	Identity     string    `json:"identity"`
	PageBytes    int       `json:"page_bytes"`
	SegmentPages int       `json:"segment_pages"`
	AOF          File      `json:"aof"`
	Seed         *File     `json:"seed,omitempty"`
	Topics       []Topic   `json:"topics"`
	Logs         []Log     `json:"logs"`
}

// A Topic is a topic of the store. The backup holds its keys, but for the
// account's secret if there is no identity in it.
type Topic struct {
	ID   digest.Hash `json:"topic"`
	Name string      `json:"name,omitempty"`
	Log  digest.Hash `json:"log"` // that the store appended to
}

// A Log is what the backup holds of a log.
type Log struct {
	ID     digest.Hash `json:"log"`
	Topic  digest.Hash `json:"topic"`
	Kind   string      `json:"kind"`
	Own    bool        `json:"own,omitempty"`
	Size   uint64      `json:"size"`
	Root   digest.Hash `json:"root"`
	Pages  uint64      `json:"pages,omitempty"` // that are in files; the AOF holds the events after them
	Pieces []Piece     `json:"pieces,omitempty"`
}

// A Piece is the pages [First, End) of a segment, in a file of its own. That of
// page 0 begins with the segment's header. The pieces of a segment, back to
// back, are the beginning of its file.
type Piece struct {
	File
	Segment uint64 `json:"segment"`
	First   int    `json:"first"`
	End     int    `json:"end"`
	Rewrite uint32 `json:"rewrite,omitempty"`
}

// A File is a file of the backup.
type File struct {
	Name   string      `json:"file"` // below the backup, with slashes
	Bytes  int64       `json:"bytes"`
	SHA256 digest.Hash `json:"sha256"`
}

const (
	magic      = "xaeroflux backup 2 "
	magicClear = "xaeroflux backup 1 "
)

func (m *Manifest) encode() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", " ")
	return withSum(append(body, '\n')), err
}

// withSum puts the first line before the rest of a manifest.
func withSum(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append([]byte(magic+hex.EncodeToString(sum[:])+"\n"), body...)
}

func decode(b []byte) (*Manifest, error) {
	line, body, _ := bytes.Cut(b, []byte("\n"))
	sum, ok := bytes.CutPrefix(line, []byte(magic))
	if !ok {
		sum, ok = bytes.CutPrefix(line, []byte(magicClear))
	}
	if !ok {
		return nil, fmt.Errorf("%w: it begins with %q; it is damaged, or of another version of this program", ErrManifest, line[:min(len(line), 40)])
	}
	if got := sha256.Sum256(body); hex.EncodeToString(got[:]) != string(sum) {
		return nil, fmt.Errorf("%w: its check does not fit: it was damaged or changed by hand", ErrManifest)
	}
	m := &Manifest{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return m, m.valid()
}

// names are those that files of a backup have: nothing else is read, written or
// removed below its directory.
var names = regexp.MustCompile(`^(state/[0-9]+\.(mdb|key)|logs/[0-9a-f]{64}/[0-9]{6,}\.[0-9]+-[0-9]+\.[0-9]+)$`)

func (m *Manifest) valid() error {
	seen := map[string]bool{}
	for _, f := range m.files() {
		if !names.MatchString(f.Name) || f.Bytes < 0 || seen[f.Name] {
			return fmt.Errorf("%w: a file %q of %d bytes", ErrManifest, f.Name, f.Bytes)
		}
		seen[f.Name] = true
	}
	if (m.Seed != nil) != (m.Identity == IdentityPlain || m.Identity == IdentitySealed) || m.SegmentPages < 2 || m.SegmentPages > segwriter.MaxSegmentPages {
		return fmt.Errorf("%w: identity %q, %d pages in a segment", ErrManifest, m.Identity, m.SegmentPages)
	}
	for i := range m.Logs {
		if err := m.Logs[i].valid(m.SegmentPages); err != nil {
			return err
		}
	}
	return nil
}

// valid reports whether the pieces are all pages of the log, in order.
func (l *Log) valid(segmentPages int) error {
	var pages uint64
	for i := range l.Pieces {
		p := &l.Pieces[i]
		at := p.Segment*uint64(segmentPages) + uint64(p.First)
		if at != pages || p.First >= p.End || p.End > segmentPages {
			return fmt.Errorf("%w: log %s has pages %d to %d of segment %d after %d pages", ErrManifest, l.ID.Short(), p.First, p.End, p.Segment, pages)
		}
		pages += uint64(p.End - p.First)
	}
	if pages != l.Pages {
		return fmt.Errorf("%w: log %s has %d pages in files, want %d", ErrManifest, l.ID.Short(), pages, l.Pages)
	}
	return nil
}

// files lists all files that the manifest names.
func (m *Manifest) files() []File {
	all := []File{m.AOF}
	if m.Seed != nil {
		all = append(all, *m.Seed)
	}
	for i := range m.Logs {
		for _, p := range m.Logs[i].Pieces {
			all = append(all, p.File)
		}
	}
	return all
}

// Is reports whether dir holds a backup.
func Is(dir string) bool {
	_, err := durable.OS.Stat(filepath.Join(dir, ManifestName))
	return err == nil
}

// Read reads the manifest of a backup. The error is ErrNone, ErrManifest or the
// file system's.
func Read(dir string) (*Manifest, error) {
	b, err := durable.OS.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNone)
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%s: %w", dir, ErrArchive)
	}
	if err != nil {
		return nil, err
	}
	m, err := decode(b)
	if err != nil {
		err = fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	return m, err
}
