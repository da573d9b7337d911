// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrPolicy is returned for a policy file that cannot be read.
var ErrPolicy = errors.New("not a policy file")

// Bounds of a policy file.
const (
	MaxPolicy      = 256 << 10 // bytes
	maxPolicyNames = 256       // logs, witnesses and groups each
)

// ParsePolicy reads a policy file (https://c2sp.org/tlog-policy):
//
//	log <verifier key> [<url>]
//	witness <name> <key of a cosigner> [<url>]
//	group <name> all|any|<k> <name>…
//	quorum <name>|none
//
// Each line refers to names of earlier ones only, no key and no name is there
// twice, no name is a member twice, and there is one quorum. Lines that are empty
// or begin with # say nothing; each may end with CR LF too. The error is ErrPolicy, with the number of the line.
func ParsePolicy(text []byte) (Policy, error) {
	if len(text) > MaxPolicy {
		return Policy{}, fmt.Errorf("%w: %d bytes, limit %d", ErrPolicy, len(text), MaxPolicy)
	}
	f := policyFile{names: map[string]*quorum{}, member: map[string]bool{}, keys: map[string]bool{}}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if err := f.line(string(bytes.TrimSuffix(line, []byte("\r")))); err != nil {
			return Policy{}, fmt.Errorf("%w: line %d: %w", ErrPolicy, i+1, err)
		}
	}
	if !f.ended {
		return Policy{}, fmt.Errorf("%w: it has no quorum line", ErrPolicy)
	}
	return f.p, nil
}

// A policyFile is what was read of one so far.
type policyFile struct {
	p      Policy
	names  map[string]*quorum
	member map[string]bool // names that are a member of some group
	keys   map[string]bool // base64 of what a verifier key wraps
	ended  bool            // the quorum was read
}

func (f *policyFile) line(line string) error {
	for _, c := range []byte(line) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("a control character %#x", c)
		}
	}
	words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	if len(words) == 0 || words[0][0] == '#' {
		return nil
	}
	switch rest := words[1:]; {
	case words[0] == "log" && (len(rest) == 1 || len(rest) == 2):
		return f.log(rest[0])
	case words[0] == "witness" && (len(rest) == 2 || len(rest) == 3):
		return f.witness(rest[0], rest[1])
	case words[0] == "group" && len(rest) >= 3:
		return f.group(rest[0], rest[1], rest[2:])
	case words[0] == "quorum" && len(rest) == 1:
		return f.quorum(rest[0])
	}
	return fmt.Errorf("%.100q is no line of a policy", line)
}

func (f *policyFile) log(vkey string) error {
	if _, err := note.NewVerifier(vkey); err != nil {
		return fmt.Errorf("%.200q: %w", vkey, err)
	}
	f.p.Logs = append(f.p.Logs, vkey)
	return f.once("log", vkey, len(f.p.Logs))
}

// once refuses a second line of one kind with a key, whatever its name there.
func (f *policyFile) once(kind, vkey string, count int) error {
	key := kind + " " + strings.SplitN(vkey, "+", 3)[2]
	if f.keys[key] {
		return fmt.Errorf("the same key is in an earlier %s line", kind)
	}
	if f.keys[key] = true; count > maxPolicyNames {
		return fmt.Errorf("more than %d of %s", maxPolicyNames, kind)
	}
	return nil
}

func (f *policyFile) witness(name, vkey string) error {
	w, err := ParseWitness(vkey)
	if err != nil {
		return err
	}
	f.p.Witnesses = append(f.p.Witnesses, w)
	if err := f.once("witness", vkey, len(f.p.Witnesses)); err != nil {
		return err
	}
	return f.define(name, &quorum{witness: idOf(w)})
}

func (f *policyFile) define(name string, q *quorum) error {
	if f.names[name] != nil || name == "none" {
		return fmt.Errorf("the name %.100q is taken", name)
	}
	if len(f.names) == 2*maxPolicyNames {
		return fmt.Errorf("more than %d names", 2*maxPolicyNames)
	}
	f.names[name] = q
	return nil
}

func (f *policyFile) group(name, threshold string, members []string) error {
	q := &quorum{k: len(members)}
	switch threshold {
	case "all":
	case "any":
		q.k = 1
	default:
		k, err := strconv.Atoi(threshold)
		if err != nil || k < 1 || k > len(members) || strconv.Itoa(k) != threshold {
			return fmt.Errorf("%.40q of %d members", threshold, len(members))
		}
		q.k = k
	}
	for _, m := range members {
		if f.names[m] == nil {
			return fmt.Errorf("no earlier line defines %.100q", m)
		}
		if f.member[m] {
			return fmt.Errorf("%.100q is a member already", m)
		}
		f.member[m] = true
		q.members = append(q.members, f.names[m])
	}
	return f.define(name, q)
}

func (f *policyFile) quorum(name string) error {
	if f.ended {
		return errors.New("a second quorum line")
	}
	f.ended = true
	if name == "none" {
		return nil
	}
	if f.p.quorum = f.names[name]; f.p.quorum == nil {
		return fmt.Errorf("no earlier line defines %.100q", name)
	}
	return nil
}
