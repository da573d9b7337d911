// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// The text form of a fork, by convention named <log id>.fork:
//
//	xaeroflux fork v2
//	topic <topic id, 64 hexadecimal digits>
//	page <bytes, decimal>
//	log <kind, decimal> <number, decimal>
//	key <note verifier key of the author>
//	root <base64>                 of New's tree at Old's size
//	<consistency proof, base64, one hash a line>
//
//	<checkpoint Old>
//
//	<checkpoint New>
//
// There is one way to write it. Each checkpoint is a C2SP signed note with the
// author's signature and no other, so that golang.org/x/mod/sumdb/note opens
// both, and tlog.CheckTree checks root and hashes against New.
const (
	forkMagic     = "xaeroflux fork v2"
	maxForkHashes = 64 // more than a consistency proof ever has
	forkLines     = 6  // above the checkpoints, without the hashes

	// MaxFork is the length in bytes of the longest fork file that is read.
	MaxFork = 8 << 10
)

// Encode returns the fork's text.
func (f Fork) Encode() []byte {
	out := append([]byte(forkMagic), '\n')
	out = fmt.Appendf(out, "topic %s\npage %d\nlog %d %d\nkey %s\n", f.Topic, f.PageBytes, uint8(f.Kind), f.Number, f.VKey())
	out = appendBase64(append(out, "root "...), f.Root[:])
	for _, h := range f.Hashes {
		out = appendBase64(out, h[:])
	}
	out = append(out, '\n')
	out = append(out, f.Old.Checkpoint(f.Author[:])...)
	out = append(out, '\n')
	return append(out, f.New.Checkpoint(f.Author[:])...)
}

// IsFork reports whether text begins as the text form of a fork does.
func IsFork(text []byte) bool { return bytes.HasPrefix(text, []byte(forkMagic+"\n")) }

// ParseFork decodes what Encode returned, and takes nothing else. It verifies
// nothing. The error is ErrForkFile.
func ParseFork(text []byte) (Fork, error) {
	if len(text) > MaxFork {
		return Fork{}, fmt.Errorf("%w: %d bytes, limit %d", ErrForkFile, len(text), MaxFork)
	}
	parts := strings.Split(string(text), "\n\n") // above, text, signature, text, signature
	if len(parts) != 5 {
		return Fork{}, fmt.Errorf("%w: %d parts between empty lines, want 5", ErrForkFile, len(parts))
	}
	f, err := parseForkLines(strings.Split(parts[0], "\n"))
	if err == nil {
		f.Old, err = parseForkHead(parts[1], parts[2])
	}
	if err == nil {
		f.New, err = parseForkHead(parts[3], strings.TrimSuffix(parts[4], "\n"))
	}
	if err == nil {
		err = f.valid()
	}
	if err != nil {
		return Fork{}, fmt.Errorf("%w: %w", ErrForkFile, err)
	}
	if !bytes.Equal(f.Encode(), text) {
		return Fork{}, fmt.Errorf("%w: not in its one form", ErrForkFile)
	}
	return f, nil
}

// parseForkLines decodes the lines above the checkpoints.
func parseForkLines(lines []string) (f Fork, err error) {
	if len(lines) < forkLines || len(lines) > forkLines+maxForkHashes {
		return f, fmt.Errorf("%d lines above the checkpoints, want %d to %d", len(lines), forkLines, forkLines+maxForkHashes)
	}
	if lines[0] != forkMagic {
		return f, fmt.Errorf("first line %.40q, want %q", lines[0], forkMagic)
	}
	if f.Topic, err = digest.Parse(strings.TrimPrefix(lines[1], "topic ")); err != nil {
		return f, err
	}
	page, err := strconv.ParseUint(strings.TrimPrefix(lines[2], "page "), 10, 32)
	if err != nil {
		return f, fmt.Errorf("line %.40q, want page and a number", lines[2])
	}
	f.PageBytes = uint32(page)
	if f.Kind, f.Number, err = parseForkLog(lines[3]); err != nil {
		return f, err
	}
	author, _, err := ParseVKey(strings.TrimPrefix(lines[4], "key "))
	if err != nil {
		return f, err
	}
	copy(f.Author[:], author)
	if f.Root, err = parseHash(strings.TrimPrefix(lines[5], "root ")); err != nil {
		return f, err
	}
	for _, line := range lines[forkLines:] {
		h, err := parseHash(line)
		if err != nil {
			return f, err
		}
		f.Hashes = append(f.Hashes, h)
	}
	return f, nil
}

// parseForkLog decodes the line that says which of the author's logs it is.
func parseForkLog(line string) (identity.LogKind, uint64, error) {
	kind, number, _ := strings.Cut(strings.TrimPrefix(line, "log "), " ")
	k, err := strconv.ParseUint(kind, 10, 8)
	n, err2 := strconv.ParseUint(number, 10, 64)
	if err != nil || err2 != nil || !identity.LogKind(k).Valid() {
		return 0, 0, fmt.Errorf("line %.60q, want log, a kind and a number", line)
	}
	return identity.LogKind(k), n, nil
}

// parseForkHead decodes a checkpoint with one signature, which the comparison
// with Encode holds against the key.
func parseForkHead(text, line string) (Head, error) {
	h, err := parseText(text + "\n")
	if err != nil {
		return Head{}, err
	}
	sig, err := base64.StdEncoding.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
	if err != nil || len(sig) != 4+len(h.Sig) {
		return Head{}, fmt.Errorf("signature %.40q", line)
	}
	copy(h.Sig[:], sig[4:])
	return h, nil
}
