// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A File proves to anyone who knows a log's key that an event is in the log.
// It is a C2SP transparency log proof, by convention named *.tlog-proof:
//
//	c2sp.org/tlog-proof@v1
//	extra <leaf data, base64>
//	index <sequence, decimal>
//	<inclusion proof, base64, one hash a line>
//
//	<checkpoint>
//
// Leaf data holds the event's type, key and time and the hash of its payload.
// The lines before the checkpoint are not signed; the proof is what binds them.
type File struct {
	Extra      []byte // leaf data; without any the line is left out
	Index      uint64 // sequence
	Hashes     []digest.Hash
	Checkpoint []byte // as it was signed, with cosignatures if there are any
}

const (
	fileMagic = "c2sp.org/tlog-proof@v1"
	maxHashes = 64 // more than any tree has levels

	// MaxFile is the length in bytes of the longest proof file that is read.
	MaxFile = MaxCheckpoint + 16<<10
)

// Encode returns the file's text.
func (f File) Encode() []byte {
	out := append([]byte(fileMagic), '\n')
	if len(f.Extra) > 0 {
		out = appendBase64(append(out, "extra "...), f.Extra)
	}
	out = strconv.AppendUint(append(out, "index "...), f.Index, 10)
	out = append(out, '\n')
	for _, h := range f.Hashes {
		out = appendBase64(out, h[:])
	}
	out = append(out, '\n')
	return append(out, f.Checkpoint...)
}

func appendBase64(dst, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(dst, b), '\n')
}

// ParseFile decodes what Encode returned, and takes nothing else. It verifies
// nothing. The error is ErrFile.
func ParseFile(b []byte) (File, error) {
	if len(b) > MaxFile {
		return File{}, fmt.Errorf("%w: %d bytes, limit %d", ErrFile, len(b), MaxFile)
	}
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	if !ok || checkpoint == "" {
		return File{}, fmt.Errorf("%w: no checkpoint after an empty line", ErrFile)
	}
	f, err := parseLines(strings.Split(head, "\n"))
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	f.Checkpoint = []byte(checkpoint)
	return f, nil
}

// parseLines decodes the lines above the checkpoint.
func parseLines(lines []string) (f File, err error) {
	if lines[0] != fileMagic {
		return f, fmt.Errorf("first line %.40q, want %s", lines[0], fileMagic)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if f.Extra, err = parseExtra(lines[0][len("extra "):]); err != nil {
			return f, err
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines) > 1+maxHashes {
		return f, fmt.Errorf("%d lines of index and hashes, want 1 to %d", len(lines), 1+maxHashes)
	}
	if f.Index, err = parseIndex(lines[0]); err != nil {
		return f, err
	}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return f, err
		}
		f.Hashes = append(f.Hashes, h)
	}
	return f, nil
}

func parseExtra(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || base64.StdEncoding.EncodeToString(b) != text {
		return nil, fmt.Errorf("extra %.60q is no base64", text)
	}
	return b, nil
}

func parseIndex(line string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(line, "index "), 10, 64)
	if err != nil || line != "index "+strconv.FormatUint(n, 10) {
		return 0, fmt.Errorf("line %.60q, want index and a number", line)
	}
	return n, nil
}

// Verify checks that the event is in the log that the key is for, and returns
// the head it is under and its leaf data, which point into f. The error is
// ErrKey, ErrSignature, ErrHead, ErrProof or event.ErrLeaf.
func (f File) Verify(vkey string) (Head, event.Leaf, error) {
	h, err := ParseCheckpoint(f.Checkpoint, vkey)
	if err != nil {
		return Head{}, event.Leaf{}, err
	}
	if err := VerifyInclusion(digest.Leaf(f.Extra), f.Index, h.Size, f.Hashes, h.Root); err != nil {
		return Head{}, event.Leaf{}, err
	}
	leaf, err := event.DecodeLeaf(f.Extra)
	if err != nil {
		return Head{}, event.Leaf{}, err
	}
	return h, leaf, nil
}
