// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Cosignature is what a witness adds to a head: that it holds this history
// of the log, and no other, as of a time. It is a C2SP cosignature/v1
// (https://c2sp.org/tlog-cosignature) with Ed25519, over
//
//	cosignature/v1
//	time <seconds since 1970, decimal>
//	<the text of the head>
type Cosignature struct {
	Witness [32]byte // Ed25519 public key
	Time    uint64   // seconds since 1970, at most MaxTime
	Sig     [ed25519.SignatureSize]byte
}

// algCosignature is the signature type of a timestamped Ed25519 cosignature.
const algCosignature = 4

// MaxTime is the largest time that a cosignature may state.
const MaxTime = 1<<63 - 1

const (
	witnessPrefix = "xaeroflux/witness/"
	// MaxCosignatures is how many cosignatures a checkpoint is given here.
	MaxCosignatures = 16
)

// Cosign signs a head as a witness. That the head is of the one history the
// witness holds is the caller's to know.
func Cosign(key ed25519.PrivateKey, h Head, time uint64) Cosignature {
	c := Cosignature{Witness: [32]byte(key.Public().(ed25519.PublicKey)), Time: time}
	copy(c.Sig[:], ed25519.Sign(key, cosigned(string(h.appendText(nil)), time)))
	return c
}

// cosigned is the message that is signed for the text of a head.
func cosigned(text string, time uint64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, text)
}

// Verify checks that the witness cosigned the head. The error is ErrKey or
// ErrSignature.
func (c Cosignature) Verify(h Head) error {
	if err := checkKey(c.Witness[:]); err != nil {
		return err
	}
	if c.Time > MaxTime {
		return fmt.Errorf("%w: a cosignature of the time %d, at most %d", ErrSignature, c.Time, uint64(MaxTime))
	}
	if !ed25519.Verify(c.Witness[:], cosigned(string(h.appendText(nil)), c.Time), c.Sig[:]) {
		return fmt.Errorf("%w: cosignature of %x under the head of log %s at %d", ErrSignature, c.Witness[:4], h.Log.Short(), h.Size)
	}
	return nil
}

// line is the cosignature as a line of a signed note.
func (c Cosignature) line() string {
	w := Witness{witnessName(c.Witness), c.Witness}
	b := binary.BigEndian.AppendUint32(nil, w.KeyHash())
	b = binary.BigEndian.AppendUint64(b, c.Time)
	b = append(b, c.Sig[:]...)
	return "— " + w.Name() + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

// Cosigned returns the head's checkpoint with cosignatures below the author's
// signature, at most MaxCosignatures. It checks none.
func (h Head) Cosigned(author ed25519.PublicKey, cosigs []Cosignature) []byte {
	out := h.Checkpoint(author)
	for _, c := range cosigs[:min(len(cosigs), MaxCosignatures)] {
		out = append(out, c.line()...)
	}
	return out
}

// A Witness is a cosigner's public key and name. It is a note.Verifier, which
// golang.org/x/mod/sumdb/note opens cosigned checkpoints with.
type Witness struct {
	name string
	key  [32]byte
}

var _ note.Verifier = Witness{}

// NewWitness returns the witness with that key, under the name that stores give
// theirs. The error is ErrKey.
func NewWitness(key [32]byte) (Witness, error) {
	return Witness{witnessName(key), key}, checkKey(key[:])
}

func witnessName(key [32]byte) string { return witnessPrefix + digest.Hash(key).String() }

// ParseWitness decodes the key of any cosigner with Ed25519, of whatever name, as
// String and other witnesses' tools print it (https://c2sp.org/tlog-cosignature). The error is ErrKey.
func ParseWitness(vkey string) (Witness, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, key64, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || len(b) != 1+ed25519.PublicKeySize || b[0] != algCosignature {
		return Witness{}, fmt.Errorf("%w: %.200q is no key of a witness, which is for timestamped cosignatures (type %d) with Ed25519", ErrKey, vkey, algCosignature)
	}
	if name == "" || strings.ContainsFunc(name, unicode.IsSpace) || !utf8.ValidString(name) {
		return Witness{}, fmt.Errorf("%w: %.200q has no name that a witness can have", ErrKey, vkey)
	}
	w := Witness{name, [32]byte(b[1:])}
	if want := w.String(); vkey != want {
		return Witness{}, fmt.Errorf("%w: %.200q, want %q", ErrKey, vkey, want)
	}
	return w, checkKey(w.key[:])
}

// String returns the key as text: "<name>+<key id>+<base64 of 0x04 and key>".
func (w Witness) String() string {
	key := append([]byte{algCosignature}, w.key[:]...)
	return fmt.Sprintf("%s+%08x+%s", w.name, w.KeyHash(), base64.StdEncoding.EncodeToString(key))
}

// Key returns the public key.
func (w Witness) Key() [32]byte { return w.key }

// Name implements note.Verifier.
func (w Witness) Name() string { return w.name }

// KeyHash implements note.Verifier: the first four bytes of
// SHA-256(name || "\n" || 0x04 || key).
func (w Witness) KeyHash() uint32 {
	h := digest.Sum(append([]byte(w.name+"\n\x04"), w.key[:]...))
	return binary.BigEndian.Uint32(h[:])
}

// Verify implements note.Verifier; sig is a time and a signature.
func (w Witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize || binary.BigEndian.Uint64(sig) > MaxTime {
		return false
	}
	return ed25519.Verify(w.key[:], cosigned(string(msg), binary.BigEndian.Uint64(sig)), sig[8:])
}
