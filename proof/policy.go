// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// ErrWitnesses is returned for a checkpoint that too few witnesses cosigned, and
// for a policy that nothing can fulfil.
var ErrWitnesses = errors.New("proof: not cosigned by enough witnesses")

// A Policy says whose cosignatures a head needs to be believed: those of K of
// the witnesses. The zero Policy needs none.
type Policy struct {
	K         int
	Witnesses []note.Verifier // Witness of this package, or any other kind
}

// check refuses policies that mean something else than they say.
func (p Policy) check() error {
	seen := map[string]bool{}
	for _, w := range p.Witnesses {
		id := fmt.Sprintf("%s+%08x", w.Name(), w.KeyHash())
		if seen[id] {
			return fmt.Errorf("%w: witness %s counts twice", ErrWitnesses, id)
		}
		seen[id] = true
	}
	if p.K < 0 || p.K > len(p.Witnesses) {
		return fmt.Errorf("%w: %d of %d witnesses", ErrWitnesses, p.K, len(p.Witnesses))
	}
	return nil
}

// VerifyCosigned returns the head that text stands for if the author's key
// signed it and the policy is fulfilled, and the names of the policy's witnesses
// who cosigned it. Cosignatures of others are not looked at; one of a known
// witness that does not verify is an error, not one fewer. The error is ErrKey,
// ErrSignature, ErrHead or ErrWitnesses.
func VerifyCosigned(text []byte, vkey string, p Policy) (Head, []string, error) {
	if err := p.check(); err != nil {
		return Head{}, nil, err
	}
	h, err := ParseCheckpoint(text, vkey)
	if err != nil {
		return Head{}, nil, err
	}
	author, err := note.NewVerifier(vkey)
	if err != nil {
		return Head{}, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	n, err := note.Open(text, note.VerifierList(append([]note.Verifier{author}, p.Witnesses...)...))
	if err != nil {
		return Head{}, nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	var names []string
	for _, s := range n.Sigs {
		if s.Name != author.Name() {
			names = append(names, s.Name)
		}
	}
	if len(names) < p.K {
		return Head{}, names, fmt.Errorf("%w: %d of the %d that count, want %d", ErrWitnesses, len(names), len(p.Witnesses), p.K)
	}
	return h, names, nil
}
