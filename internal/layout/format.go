// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// FORMAT is a text file, which also makes a directory a store. Each line ends
// with a line feed:
//
//	xaeroflux store 3
//	page <bytes>
//	segment <pages>
//	generation <88 hexadecimal digits>
//	place <marks, as identity.Place writes them>
//	check <16 hexadecimal digits>
//
// The page size is the default of topics founded here; the number of pages in a
// segment file is the same for all logs of the store. The generation is secret:
// the keys of the store derive from it and from the seed. It is sealed under the key of
// the store, for the place "FORMAT generation". The check is the start
// of the tagged hash of the lines above it.
//
// Version 2 differs in the first line, and in that the generation is in the clear, in
// 32 digits; so are the rows of secrets in the AOF. A store of it is opened, and goes
// on as one of version 3.
const (
	formatVersion  = 3
	formatClear    = 2 // the version in which secrets lay in the clear
	formatMagic    = "xaeroflux store "
	formatLine     = formatMagic + "%d\npage %d\nsegment %d\ngeneration %s\n%s\n"
	formatCheckTag = "xaeroflux format check v1"
	formatLines    = 6
)

// ErrFormat is returned for a store of another version or a damaged FORMAT.
var ErrFormat = errors.New("not a store this version can open")

// ErrNewer tells a FORMAT that is whole, and not ours to judge, from damage.
var ErrNewer = errors.New("another version")

// A Format is what FORMAT says.
type Format struct {
	PageBytes, SegmentPages int
	Generation              identity.Generation // zero until Open, if it is sealed
	Place                   identity.Place
	Clear                   bool // it is of the version in which secrets lay in the clear

	sealed string // the generation, as it was read; "" if it was in the clear
}

var formatPlace = []byte("FORMAT generation")

// Encode returns the text of FORMAT, with the generation sealed under key.
func (f Format) Encode(key *identity.StoreKey) []byte {
	return f.encode(formatVersion, hex.EncodeToString(key.Seal(formatPlace, f.Generation[:])))
}

func (f Format) encode(version int, generation string) []byte {
	b := fmt.Appendf(nil, formatLine, version, f.PageBytes, f.SegmentPages, generation, f.Place.Encode())
	sum := digest.Tagged(formatCheckTag, b)
	return append(b, "check "+hex.EncodeToString(sum[:8])+"\n"...)
}

// Open opens the generation. The error is identity.ErrSealed.
func (f *Format) Open(key *identity.StoreKey) error {
	if f.sealed == "" {
		return nil
	}
	sealed, err := hex.DecodeString(f.sealed)
	if err != nil {
		return err // impossible: it was parsed
	}
	g, err := key.Open(formatPlace, sealed)
	if err != nil {
		return fmt.Errorf("the generation in FORMAT: %w", err)
	}
	f.Generation, f.sealed = identity.Generation(g), ""
	return nil
}

// ParseFormat decodes the text of FORMAT; Open opens the generation in it. The error
// is an ErrFormat.
func ParseFormat(b []byte) (f Format, err error) {
	first, _, _ := strings.Cut(string(b), "\n")
	var version int
	if _, err := fmt.Sscanf(first, formatMagic+"%d", &version); err != nil {
		return f, fmt.Errorf("%w: FORMAT begins with %q", ErrFormat, truncated(first, 40))
	}
	if version != formatVersion && version != formatClear {
		return f, fmt.Errorf("%w: %w: FORMAT has version %d, this program knows %d; %s", ErrFormat, ErrNewer, version, formatVersion, versionAdvice(version))
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != formatLines+1 {
		return f, fmt.Errorf("%w: FORMAT has %d lines, want %d", ErrFormat, len(lines)-1, formatLines)
	}
	if _, err := fmt.Sscanf(lines[1]+"\n"+lines[2], "page %d\nsegment %d", &f.PageBytes, &f.SegmentPages); err != nil {
		return f, fmt.Errorf("%w: FORMAT: %w", ErrFormat, err)
	}
	generation := strings.TrimPrefix(lines[3], "generation ")
	if f.Clear = version == formatClear; f.Clear {
		f.Generation, err = identity.ParseGeneration(generation)
	} else {
		f.sealed, err = parseSealed(generation)
	}
	if err != nil {
		return f, fmt.Errorf("%w: FORMAT: %w", ErrFormat, err)
	}
	if f.Place, err = identity.ParsePlace(lines[4]); err != nil {
		return f, fmt.Errorf("%w: FORMAT: %w", ErrFormat, err)
	}
	if string(f.encode(version, generation)) != string(b) {
		return f, fmt.Errorf("%w: the check of FORMAT does not fit: it was damaged or changed by hand", ErrFormat)
	}
	return f, f.Valid()
}

// parseSealed checks the form of a sealed generation.
func parseSealed(text string) (string, error) {
	want := 2 * (len(identity.Generation{}) + identity.SealedOverhead)
	if _, err := hex.DecodeString(text); err != nil || len(text) != want || strings.ToLower(text) != text {
		return "", fmt.Errorf("a generation of %d characters, want %d lower-case hexadecimal digits", len(text), want)
	}
	return text, nil
}

// MaxSegmentPages bounds the pages of a segment, as package segwriter does.
const MaxSegmentPages = 65536

// Valid returns an ErrFormat for sizes that no store can have.
func (f Format) Valid() error {
	if !identity.ValidPageBytes(f.PageBytes) {
		return fmt.Errorf("%w: FORMAT has pages of %d bytes", ErrFormat, f.PageBytes)
	}
	if f.SegmentPages < 2 || f.SegmentPages > MaxSegmentPages {
		return fmt.Errorf("%w: FORMAT has %d pages in a segment, want 2 to %d", ErrFormat, f.SegmentPages, MaxSegmentPages)
	}
	return nil
}

// versionAdvice is the next step for a store of another version.
func versionAdvice(version int) string {
	if version < formatClear {
		return "it was made before the formats were final, and nothing converts it: read it with the program that made it, and append to a new store"
	}
	return "use a newer one"
}

func truncated(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
