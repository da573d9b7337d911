// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A seed file is three lines of text, each ended by a line feed:
//
//	xaeroflux identity v1
//	seed <64 hexadecimal digits>
//	check <16 hexadecimal digits>
//
// The check is the start of the tagged hash of the two lines above it, so that
// a flipped byte anywhere is noticed. A file with a passphrase is these lines as an
// age file (seedsealed.go), which has another first line.
const (
	seedVersion   = "xaeroflux identity v1"
	seedMagic     = "xaeroflux identity "
	seedCheckTag  = "xaeroflux identity check v1"
	seedFileLimit = 4096 // bytes; far above any version of the file
	seedTemp      = ".identity-*.tmp"
)

// Errors of seed files. One that is there already is fs.ErrExist.
var (
	// ErrSeedFile is returned for a seed file that is damaged.
	ErrSeedFile = errors.New("damaged identity file")
	// ErrSeedVersion is returned for a seed file of a version unknown here.
	ErrSeedVersion = errors.New("identity file of an unknown version")
	// ErrSeedMode is returned for a seed file that others may read.
	ErrSeedMode = errors.New("identity file open to others")
)

// CreateSeed writes s to a new file at path, mode 0600, sealed with a passphrase
// unless that is empty. The file appears whole and synced or not at all; one that is
// there already is left alone and the error is fs.ErrExist.
func CreateSeed(path string, s Seed, passphrase []byte) error {
	return writeSeed(path, s, passphrase, placeNew)
}

// ReplaceSeed is CreateSeed over a file that is there: whenever it is interrupted,
// path is the old file or the new one. What the old one held may stay on the disk.
func ReplaceSeed(path string, s Seed, passphrase []byte) error {
	return writeSeed(path, s, passphrase, os.Rename)
}

// writeSeed writes a file beside path and has place give it that name.
func writeSeed(path string, s Seed, passphrase []byte, place func(from, to string) error) (err error) {
	text := encodeSeed(s)
	if len(passphrase) > 0 {
		clear(text)
		if text, err = sealSeed(s, passphrase); err != nil {
			return err
		}
	}
	defer clear(text)
	f, err := os.CreateTemp(filepath.Dir(path), seedTemp) // mode 0600
	if err != nil {
		return fmt.Errorf("the identity file: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the identity file: %w", errors.Join(err, ignoreMissing(os.Remove(f.Name()))))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// RemoveSeedTemps removes what a write of a seed file left in dir that was cut off: it
// may hold a seed in the clear. Nobody may write one meanwhile.
func RemoveSeedTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if ours, _ := filepath.Match(seedTemp, e.Name()); ours {
			err = errors.Join(err, ignoreMissing(os.Remove(filepath.Join(dir, e.Name()))))
		}
	}
	return err
}

// placeNew gives the file tmp the name path unless that is taken. A link does
// both in one step; if the file system has none, a look comes first.
func placeNew(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil {
		return os.Remove(tmp)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist})
	}
	return os.Rename(tmp, path)
}

// syncDir makes a new name in dir durable. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// LoadSeed reads the seed file at path; ask is called only if it has a passphrase, and
// may be nil. The error is ErrSeedMode, ErrSeedFile, ErrSeedVersion, ErrPassphrase,
// what ask returned, or one of the file system's.
func LoadSeed(path string, ask Passphrase) (Seed, error) {
	b, err := readSeedFile(path)
	if err != nil {
		return Seed{}, err
	}
	defer clear(b)
	var s Seed
	if sealedSeed(b) {
		s, err = openSeed(b, ask)
	} else {
		s, err = decodeSeed(b)
	}
	switch {
	case errors.Is(err, ErrPassphrase):
		return Seed{}, err
	case err != nil:
		return Seed{}, fmt.Errorf("%w: %s", err, path)
	}
	return s, nil
}

// SeedSealed reports whether the seed file at path has a passphrase.
func SeedSealed(path string) (bool, error) {
	b, err := readSeedFile(path)
	defer clear(b)
	return sealedSeed(b), err
}

func readSeedFile(path string) ([]byte, error) {
	f, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("the identity file: %w", err)
	}
	defer f.Close()
	if err := checkMode(f, path); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, seedFileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("the identity file: %w", err)
	}
	return b, nil
}

func checkMode(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("the identity file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no regular file", ErrSeedFile, path)
	}
	mode := info.Mode().Perm()
	if mode&0o077 == 0 {
		return nil
	}
	keeps, err := durable.KeepsModes(f)
	if err != nil {
		return fmt.Errorf("the identity file: %w", err)
	}
	if keeps {
		return &SeedModeError{Path: path, Mode: mode}
	}
	return nil // if the file system keeps no modes, who may read it is said by its mount
}

// A SeedModeError names a seed file that others may read. It is no damage: chmod 600
// is all it needs.
type SeedModeError struct {
	Path string
	Mode fs.FileMode
}

func (e *SeedModeError) Error() string {
	return fmt.Sprintf("%v: %s has mode %04o, want 0600; run: chmod 600 %s", ErrSeedMode, e.Path, e.Mode, e.Path)
}

// Is makes the error an ErrSeedMode, and one of the modes of files.
func (e *SeedModeError) Is(target error) bool {
	return target == ErrSeedMode || target == fs.ErrPermission
}

func encodeSeed(s Seed) []byte {
	b := []byte(seedVersion + "\nseed " + hex.EncodeToString(s[:]) + "\n")
	sum := digest.Tagged(seedCheckTag, b)
	return append(b, "check "+hex.EncodeToString(sum[:8])+"\n"...)
}

// decodeSeed accepts exactly what encodeSeed writes. Its errors never quote
// the file, which is secret.
func decodeSeed(b []byte) (Seed, error) {
	first, _, _ := strings.Cut(string(b), "\n")
	if first != seedVersion {
		if strings.HasPrefix(first, seedMagic+"v") && len(first) < 64 {
			return Seed{}, fmt.Errorf("%w: first line %q, want %q", ErrSeedVersion, first, seedVersion)
		}
		return Seed{}, fmt.Errorf("%w: the first line is not %q", ErrSeedFile, seedVersion)
	}
	var s Seed
	at := len(seedVersion) + len("\nseed ")
	if len(b) < at+2*KeyBytes {
		return Seed{}, fmt.Errorf("%w: %d bytes, want %d", ErrSeedFile, len(b), len(encodeSeed(s)))
	}
	if _, err := hex.Decode(s[:], b[at:at+2*KeyBytes]); err != nil {
		return Seed{}, fmt.Errorf("%w: the seed is not hexadecimal", ErrSeedFile)
	}
	if !bytes.Equal(b, encodeSeed(s)) {
		return Seed{}, fmt.Errorf("%w: its check does not fit", ErrSeedFile)
	}
	return s, nil
}
