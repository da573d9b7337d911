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
// a flipped byte anywhere is noticed. The first line says how to read the
// rest: a file sealed with a passphrase will have another one.
const (
	seedVersion   = "xaeroflux identity v1"
	seedMagic     = "xaeroflux identity "
	seedCheckTag  = "xaeroflux identity check v1"
	seedFileLimit = 4096 // bytes; far above any version of the file
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

// CreateSeed writes s to a new file at path, mode 0600. The file appears whole
// and synced or not at all; one that is there already is left alone and the
// error is fs.ErrExist.
func CreateSeed(path string, s Seed) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".identity-*.tmp") // mode 0600
	if err != nil {
		return fmt.Errorf("the identity file: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("the identity file: %w", errors.Join(err, ignoreMissing(os.Remove(f.Name()))))
		}
	}()
	_, err = f.Write(encodeSeed(s))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = placeNew(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
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

// LoadSeed reads the seed file at path. The error is ErrSeedMode, ErrSeedFile,
// ErrSeedVersion or one of the file system's.
func LoadSeed(path string) (Seed, error) {
	f, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return Seed{}, fmt.Errorf("the identity file: %w", err)
	}
	defer f.Close()
	if err := checkMode(f, path); err != nil {
		return Seed{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, seedFileLimit+1))
	if err != nil {
		return Seed{}, fmt.Errorf("the identity file: %w", err)
	}
	s, err := decodeSeed(b)
	if err != nil {
		return Seed{}, fmt.Errorf("%w: %s", err, path)
	}
	return s, nil
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
