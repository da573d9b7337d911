// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Consistency shows that a log only grew from one size to a signed head. Its
// text is what a witness is sent (https://c2sp.org/tlog-witness, add-checkpoint):
//
//	old <size, decimal>
//	<consistency proof, base64, one hash a line>
//
//	<checkpoint>
type Consistency struct {
	Old        uint64 // size
	Hashes     []digest.Hash
	Checkpoint []byte // as it was signed, with cosignatures if there are any
}

const oldPrefix = "old "

// IsConsistency tells the text of a Consistency from other files.
func IsConsistency(text []byte) bool { return strings.HasPrefix(string(text), oldPrefix) }

// Encode returns the text.
func (c Consistency) Encode() []byte {
	out := strconv.AppendUint([]byte(oldPrefix), c.Old, 10)
	out = append(out, '\n')
	for _, h := range c.Hashes {
		out = appendBase64(out, h[:])
	}
	return append(append(out, '\n'), c.Checkpoint...)
}

// ParseConsistency decodes what Encode returned, and takes nothing else. It
// verifies nothing. The error is ErrFile.
func ParseConsistency(b []byte) (c Consistency, err error) {
	if len(b) > MaxFile {
		return c, fmt.Errorf("%w: %d bytes, limit %d", ErrFile, len(b), MaxFile)
	}
	top, checkpoint, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(top, "\n")
	if !ok || checkpoint == "" || len(lines) > 1+maxHashes {
		return c, fmt.Errorf("%w: %d lines above a checkpoint, want 1 to %d", ErrFile, len(lines), 1+maxHashes)
	}
	if c.Old, err = strconv.ParseUint(strings.TrimPrefix(lines[0], oldPrefix), 10, 64); err != nil || lines[0] != oldPrefix+strconv.FormatUint(c.Old, 10) {
		return c, fmt.Errorf("%w: line %.60q, want old and a number", ErrFile, lines[0])
	}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return c, fmt.Errorf("%w: %w", ErrFile, err)
		}
		c.Hashes = append(c.Hashes, h)
	}
	c.Checkpoint = []byte(checkpoint)
	return c, nil
}

// Verify checks that the head that c ends at continues the older one, which has
// to be verified before, and returns it. The error is ErrKey, ErrSignature,
// ErrHead or ErrProof.
func (c Consistency) Verify(vkey string, older Head) (Head, error) {
	h, err := ParseCheckpoint(c.Checkpoint, vkey)
	if err != nil {
		return Head{}, err
	}
	if older.Log != h.Log || older.Size != c.Old {
		return Head{}, fmt.Errorf("%w: it leads from size %d of log %s, the older head is of %d of log %s", ErrProof, c.Old, h.Log.Short(), older.Size, older.Log.Short())
	}
	return h, VerifyConsistency(c.Old, older.Root, h.Size, h.Root, c.Hashes)
}
