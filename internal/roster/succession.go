// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Succession is a term record by successors on its way between them: it goes from one
// to the next as text, and each adds a signature, until there are as many as genesis
// wants. It is no secret.
//
//	offset  bytes  field
//	     0     32  topic id
//	    32    109  term record up to its signatures, which is by successors
//	   141      1  s, number of signatures, at most 16
//	   142   65*s  signatures: index of the successor u8, signature 64; indices rise
//
// Its text is "xfs2" and then, in base64 for URLs (RFC 4648, no padding), these bytes and
// the first four of their SHA-256.
type Succession struct {
	Topic digest.Hash
	Term  Term
}

// Errors of successions.
var (
	// ErrSuccession is returned for text that is none.
	ErrSuccession = errors.New("no succession: copy it again, whole, from its \"xfs2\" to its end")
	// ErrNotSuccessor is returned for a key that genesis names among no successors.
	ErrNotSuccessor = errors.New("the topic was not founded with this key among its successors'")
	// ErrUnsigned is returned for a succession that too few have signed.
	ErrUnsigned = errors.New("too few successors have signed: give it to another one")
)

const (
	successionPrefix = "xfs2"
	successionCheck  = 4
)

func (s *Succession) code(c *coder) {
	c.raw(s.Topic[:])
	s.Term.codeSigned(c)
	c.check(s.Term.By == BySuccessors, "a term by the owner")
	codeTermSignatures(c, &s.Term, 0)
}

// String returns s as text.
func (s *Succession) String() string {
	b := mustEncode(s)
	sum := sha256.Sum256(b)
	return successionPrefix + base64.RawURLEncoding.EncodeToString(append(b, sum[:successionCheck]...))
}

// ParseSuccession reads the text of a succession. Who signed it is not looked at. The
// error is ErrSuccession.
func ParseSuccession(text string) (*Succession, error) {
	body, found := strings.CutPrefix(strings.TrimSpace(text), successionPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || len(b) < successionCheck {
		return nil, ErrSuccession
	}
	b, check := b[:len(b)-successionCheck], b[len(b)-successionCheck:]
	if sum := sha256.Sum256(b); string(sum[:successionCheck]) != string(check) {
		return nil, ErrSuccession
	}
	s := &Succession{}
	if err := decode(b, s); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrSuccession, err)
	}
	return s, nil
}

// Sign adds the signature of a successor's key, if it is not there yet and not enough
// others have signed. The error is ErrNotSuccessor.
func (s *Succession) Sign(g *Genesis, key ed25519.PrivateKey) error {
	index := -1
	for i, k := range g.Successors {
		if Key(k) == Key(identity.PublicKey(key)) {
			index = i
		}
	}
	if index < 0 {
		return ErrNotSuccessor
	}
	for _, have := range s.Term.Signed {
		if int(have.Index) == index {
			return nil
		}
	}
	if len(s.Term.Signed) < g.Need {
		s.Term.Sign(s.Topic, uint8(index), key)
	}
	return nil
}

// Check checks that genesis' topic is meant, and that each signature is a successor's.
// The error is ErrUnsigned if more are wanted, and ErrSuccession for one that is false.
func (s *Succession) Check(topic digest.Hash, g *Genesis) error {
	if s.Topic != topic {
		return fmt.Errorf("%w (it is of topic %s)", ErrSuccession, s.Topic.Short())
	}
	for _, have := range s.Term.Signed {
		if int(have.Index) >= len(g.Successors) || !verify(g.Successors[have.Index], &have.Sig, tagSuccession, topic[:], s.Term.signed()) {
			return fmt.Errorf("%w (signature %d is false)", ErrSuccession, have.Index)
		}
	}
	if len(s.Term.Signed) < g.Need {
		return fmt.Errorf("%w (%d of %d)", ErrUnsigned, len(s.Term.Signed), g.Need)
	}
	return nil
}
