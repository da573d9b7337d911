// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A seed file is text of three lines: what it is, the seed, and the first
// eight bytes of the seed's tagged hash, the latter two in hexadecimal. Another
// first line is another format: an encrypted seed, say.
const seedLine = "xaeroflux seed v1"

// Errors of seed files.
var (
	// ErrSeed is returned for a seed file that is damaged or of another format.
	ErrSeed = errors.New("not a usable seed file")
	// ErrSeedMode is returned for a seed file that others may read.
	ErrSeedMode = errors.New("seed file is open to other users")
)

func seedSum(s Seed) string {
	h := digest.Tagged("xaeroflux seed file v1", s[:])
	return hex.EncodeToString(h[:8])
}

// CreateSeed writes a seed file with mode 0600, synced, and refuses to replace
// one that exists.
func CreateSeed(path string, s Seed) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%s\n%s\n", seedLine, hex.EncodeToString(s[:]), seedSum(s))
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path)) // so that trying again can succeed
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadSeed reads a seed file. The error is ErrSeed, ErrSeedMode or one of the
// file system's.
func LoadSeed(path string) (Seed, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Seed{}, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return Seed{}, fmt.Errorf("%w: mode %#o of %s; run `chmod 600 %s`", ErrSeedMode, mode, path, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Seed{}, err
	}
	s, err := parseSeed(string(b))
	if err != nil {
		return Seed{}, fmt.Errorf("%s: %w; put back a copy of it", path, err)
	}
	return s, nil
}

func parseSeed(text string) (s Seed, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return s, fmt.Errorf("%w: %d lines, want 3", ErrSeed, len(lines)-1)
	}
	if lines[0] != seedLine {
		return s, fmt.Errorf("%w: it begins with %q, want %q", ErrSeed, clip(lines[0]), seedLine)
	}
	if n, err := hex.Decode(s[:], []byte(lines[1][:min(len(lines[1]), 64)])); err != nil || n != len(s) || len(lines[1]) != 64 {
		return Seed{}, fmt.Errorf("%w: the seed is not 64 hexadecimal digits", ErrSeed)
	}
	if lines[2] != seedSum(s) || lines[1] != hex.EncodeToString(s[:]) {
		return Seed{}, fmt.Errorf("%w: checksum %q, want %q", ErrSeed, clip(lines[2]), seedSum(s))
	}
	return s, nil
}
