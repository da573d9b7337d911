// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// ErrWitnesses is returned for a checkpoint that too few witnesses cosigned, and
// for a policy that nothing can fulfil.
var ErrWitnesses = errors.New("not cosigned by enough witnesses")

// A Policy says whose cosignatures a head needs to be believed: those of K of
// the witnesses, or what the quorum of a policy file asks for (ParsePolicy). The
// zero Policy needs none.
type Policy struct {
	K         int
	Witnesses []note.Verifier // Witness of this package, or any other kind
	// Logs are the verifier keys of the logs that a policy file names; a proof of
	// another log is refused. None: the caller names the key.
	Logs []string

	quorum *quorum // of a policy file, else nil
}

// A quorum is one witness, or K of its members.
type quorum struct {
	witness string // name and key id of a witness, as idOf gives them; or
	k       int
	members []*quorum
}

// met reports whether those who cosigned are enough.
func (q *quorum) met(by map[string]bool) bool {
	if q.witness != "" {
		return by[q.witness]
	}
	n := 0
	for _, m := range q.members {
		if m.met(by) {
			n++
		}
	}
	return n >= q.k
}

func idOf(v note.Verifier) string { return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash()) }

// check refuses policies that mean something else than they say.
func (p Policy) check() error {
	seen := map[string]bool{}
	for _, w := range p.Witnesses {
		if id := idOf(w); seen[id] {
			return fmt.Errorf("%w: witness %s counts twice", ErrWitnesses, id)
		}
		seen[idOf(w)] = true
	}
	if p.K < 0 || p.K > len(p.Witnesses) {
		return fmt.Errorf("%w: %d of %d witnesses", ErrWitnesses, p.K, len(p.Witnesses))
	}
	return nil
}

// fulfilled checks that those who cosigned are enough.
func (p Policy) fulfilled(by map[string]bool) error {
	if len(by) < p.K {
		return fmt.Errorf("%w: %d of the %d that count, want %d", ErrWitnesses, len(by), len(p.Witnesses), p.K)
	}
	if p.quorum != nil && !p.quorum.met(by) {
		return fmt.Errorf("%w: %d of the %d that the policy names, which are no quorum of it", ErrWitnesses, len(by), len(p.Witnesses))
	}
	return nil
}

// Log returns the verifier key of the log that a checkpoint names, which the
// policy must allow. The given key, if it is not empty, is the one to use.
func (p Policy) Log(vkey string, text []byte) (string, error) {
	if vkey == "" && len(p.Logs) == 0 {
		return "", fmt.Errorf("%w: neither a key nor a policy says which log it is", ErrKey)
	}
	if len(p.Logs) == 0 {
		return vkey, nil
	}
	for _, of := range p.Logs {
		v, err := note.NewVerifier(of)
		if err == nil && (vkey == of || vkey == "" && originOf(text) == v.Name()) {
			return of, nil
		}
	}
	return "", fmt.Errorf("%w: the log %.100q is none of the %d that the policy names", ErrKey, originOf(text), len(p.Logs))
}

// VerifyCosigned returns the head that text stands for if the author's key
// signed it and the policy is fulfilled, and the names of the policy's witnesses
// who cosigned it. The key may be empty if the policy names logs. Cosignatures of
// others are not looked at; one of a known witness that does not verify is an
// error, not one fewer. The error is ErrKey, ErrSignature, ErrHead or
// ErrWitnesses.
func VerifyCosigned(text []byte, vkey string, p Policy) (Head, []string, error) {
	err := p.check()
	if err == nil {
		vkey, err = p.Log(vkey, text)
	}
	if err != nil {
		return Head{}, nil, err
	}
	h, err := ParseCheckpoint(text, vkey)
	if err != nil {
		return Head{}, nil, err
	}
	n, err := note.Open(text, note.VerifierList(p.Witnesses...))
	var none *note.UnverifiedNoteError
	if err != nil && !errors.As(err, &none) {
		return Head{}, nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	var names []string
	by := map[string]bool{}
	if err == nil {
		for _, s := range n.Sigs {
			names = append(names, s.Name)
			by[fmt.Sprintf("%s+%08x", s.Name, s.Hash)] = true
		}
	}
	if err := p.fulfilled(by); err != nil {
		return Head{}, names, err
	}
	return h, names, nil
}
