// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// MaxCheckpoint is the length in bytes of the longest checkpoint that is read:
// 16 cosignatures of the largest kind fit.
const MaxCheckpoint = 128 << 10

// Checkpoint returns the head's text form, a C2SP signed note: the text that
// was signed, an empty line, and the signature. It does not check it.
func (h Head) Checkpoint(author ed25519.PublicKey) []byte {
	name := Origin(h.Log)
	sig := binary.BigEndian.AppendUint32(nil, keyID(name, author))
	sig = append(sig, h.Sig[:]...)
	out := h.appendText(nil)
	out = append(out, "\n— "+name+" "...)
	out = base64.StdEncoding.AppendEncode(out, sig)
	return append(out, '\n')
}

// ParseCheckpoint returns the head that text stands for if the key signed it.
// Signatures of others, as of witnesses, may be there and are not looked at;
// lines that a Head has no field for may not. The error is ErrKey, ErrSignature
// or ErrHead.
func ParseCheckpoint(text []byte, vkey string) (Head, error) {
	_, log, err := ParseVKey(vkey)
	if err != nil {
		return Head{}, err
	}
	n, err := openNote(text, vkey)
	if err != nil {
		return Head{}, err
	}
	h, err := parseText(n.Text)
	if err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrHead, err)
	}
	if h.Log != log {
		return Head{}, fmt.Errorf("%w: of log %s, the key is for %s", ErrHead, h.Log, log)
	}
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || len(sig) != 4+len(h.Sig) {
		return Head{}, fmt.Errorf("%w: of %d bytes", ErrSignature, len(sig))
	}
	copy(h.Sig[:], sig[4:])
	return h, h.check()
}

// originOf returns the first line of a checkpoint, which names the log.
func originOf(text []byte) string {
	line, _, _ := strings.Cut(string(text[:min(len(text), 1024)]), "\n")
	return line
}

// openNote checks the signature and returns the note with it as its first.
func openNote(text []byte, vkey string) (*note.Note, error) {
	if len(text) > MaxCheckpoint {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrHead, len(text), MaxCheckpoint)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	n, err := note.Open(text, note.VerifierList(v))
	var unsigned *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case err == nil:
		return n, nil
	case errors.As(err, &unsigned), errors.As(err, &invalid):
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrHead, err)
}

// parseText is the inverse of appendText, and takes nothing else.
func parseText(text string) (Head, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 || lines[3] != "" {
		return Head{}, fmt.Errorf("%d bytes of text, want three lines", len(text))
	}
	log, err := parseOrigin(lines[0])
	if err != nil {
		return Head{}, err
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Head{}, fmt.Errorf("size %.40q", lines[1])
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Head{}, err
	}
	h := Head{Log: log, Size: size, Root: root}
	if string(h.appendText(nil)) != text {
		return Head{}, fmt.Errorf("size %.40q or root %q is not in its shortest form", lines[1], lines[2])
	}
	return h, nil
}

// parseHash decodes the base64 form of a hash, of which there is one.
func parseHash(line string) (digest.Hash, error) {
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil || len(b) != digest.Size || base64.StdEncoding.EncodeToString(b) != line {
		return digest.Hash{}, fmt.Errorf("%.60q is no base64 of %d bytes", line, digest.Size)
	}
	return digest.Hash(b), nil
}
