// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Head is a log's size and root under its author's signature: the compact
// form of a checkpoint. The text is what is signed:
//
//	xaeroflux/<log id, 64 hexadecimal digits>
//	<size, decimal>
//	<root, base64>
//
// each line with its newline. A root without its size says nothing, so the two
// never part.
type Head struct {
	Log  digest.Hash // log id
	Size uint64
	Root digest.Hash
	Sig  [ed25519.SignatureSize]byte
}

const originPrefix = "xaeroflux/"

// Origin returns the first line of the log's checkpoints, which is the name of
// its author's key too.
func Origin(log digest.Hash) string { return originPrefix + log.String() }

// parseOrigin returns the log that text is the origin of.
func parseOrigin(text string) (digest.Hash, error) {
	digits, ok := strings.CutPrefix(text, originPrefix)
	if !ok {
		return digest.Hash{}, fmt.Errorf("origin %.100q, want %s<log id>", text, originPrefix)
	}
	log, err := digest.Parse(digits)
	if err == nil && Origin(log) != text {
		err = fmt.Errorf("origin %q is not in lower case", text)
	}
	return log, err
}

// Sign returns the head of that size and root, signed with the author's key,
// which must be a whole Ed25519 private key.
func Sign(key ed25519.PrivateKey, log digest.Hash, size uint64, root digest.Hash) Head {
	h := Head{Log: log, Size: size, Root: root}
	copy(h.Sig[:], ed25519.Sign(key, h.appendText(nil)))
	return h
}

// appendText appends the text that is signed.
func (h Head) appendText(dst []byte) []byte {
	dst = append(dst, Origin(h.Log)...)
	dst = append(dst, '\n')
	dst = strconv.AppendUint(dst, h.Size, 10)
	dst = append(dst, '\n')
	dst = base64.StdEncoding.AppendEncode(dst, h.Root[:])
	return append(dst, '\n')
}

// Verify checks that the author signed the head. The error is ErrKey, ErrHead
// or ErrSignature.
func (h Head) Verify(author ed25519.PublicKey) error {
	if err := checkKey(author); err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	if !ed25519.Verify(author, h.appendText(nil), h.Sig[:]) {
		return fmt.Errorf("%w: head of log %s at size %d, author %x", ErrSignature, h.Log.Short(), h.Size, author[:4])
	}
	return nil
}

// check refuses heads that no log can have, whoever signed them.
func (h Head) check() error {
	if h.Size > merkleindex.MaxSize {
		return fmt.Errorf("%w: size %d, limit %d", ErrHead, h.Size, uint64(merkleindex.MaxSize))
	}
	if (h.Size == 0) != (h.Root == digest.Empty) {
		return fmt.Errorf("%w: root %s at size %d", ErrHead, h.Root.Short(), h.Size)
	}
	return nil
}
