// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"testing"
)

// policyWorld is a log, and six witnesses of other people's tools.
type policyWorld struct {
	vkey  string
	head  Head
	keys  []string // of the witnesses
	check func(p Policy, cosigned uint) error
}

func newPolicyWorld(t *testing.T) policyWorld {
	t.Helper()
	key, author := testKey("author")
	w := policyWorld{vkey: VKey(author, testLog), head: Sign(key, testLog, 3, newTree(3).root(0, 3))}
	var lines []string
	for i := range 6 {
		k, of := testWitness(fmt.Sprint("witness ", i))
		foreign := Witness{fmt.Sprint("witness.example/", i), of.Key()}
		line := Cosign(k, w.head, 100).line()
		line = "— " + foreign.Name() + " " + withID(t, line[strings.LastIndexByte(line, ' ')+1:], foreign.KeyHash())
		w.keys, lines = append(w.keys, foreign.String()), append(lines, line)
	}
	w.check = func(p Policy, cosigned uint) error {
		text := string(w.head.Checkpoint(author))
		for i, line := range lines {
			if cosigned>>i&1 != 0 {
				text += line
			}
		}
		_, names, err := VerifyCosigned([]byte(text), "", p)
		if err == nil && len(names) != bits.OnesCount(cosigned) {
			return fmt.Errorf("%d names", len(names))
		}
		return err
	}
	return w
}

// withID puts another key id before a signature.
func withID(t *testing.T, line string, id uint32) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint32(b, id)
	return base64.StdEncoding.EncodeToString(b) + "\n"
}

// file is a policy with two groups below a third.
func (w policyWorld) file() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# a comment\n\t log %s https://log.example/ \n\n", w.vkey)
	for i, key := range w.keys {
		fmt.Fprintf(&b, "witness  W%d\t%s\n", i, key)
	}
	b.WriteString("group X 2 W0 W1 W2\ngroup Y any W3 W4 W5\ngroup Z all X Y\nquorum Z\n")
	return b.String()
}

// Each set of witnesses is held against the rule, written down once more.
func TestPolicyFile(t *testing.T) {
	w := newPolicyWorld(t)
	p, err := ParsePolicy([]byte(w.file()))
	if err != nil {
		t.Fatal(err)
	}
	for set := range uint(64) {
		want := bits.OnesCount(set&7) >= 2 && set&56 != 0
		err := w.check(p, set)
		if want && err != nil || !want && !errors.Is(err, ErrWitnesses) {
			t.Errorf("witnesses %06b: %v, want %v", set, err, want)
		}
	}
	if p, err = ParsePolicy([]byte("log " + w.vkey + "\nquorum none")); err != nil || w.check(p, 0) != nil {
		t.Errorf("quorum none: %v, %v", err, w.check(p, 0))
	}
	_, other := testKey("another author")
	if p, err = ParsePolicy([]byte("log " + VKey(other, testLog) + "\nquorum none\n")); err != nil || !errors.Is(w.check(p, 0), ErrSignature) {
		t.Errorf("another key of the log: %v, %v", err, w.check(p, 0))
	}
	if p, err = ParsePolicy([]byte("quorum none\n")); err != nil || !errors.Is(w.check(p, 0), ErrKey) {
		t.Errorf("no log and no key: %v, %v", err, w.check(p, 0))
	}
}

func TestPolicyFileIsStrict(t *testing.T) {
	w := newPolicyWorld(t)
	two := fmt.Sprintf("witness A %s\nwitness B %s\n", w.keys[0], w.keys[1])
	for what, text := range map[string]string{
		"nothing":                "",
		"no quorum":              two,
		"two quorums":            two + "quorum A\nquorum A\n",
		"a quorum of nobody":     "quorum A\n" + two,
		"another word":           two + "quorate A\n",
		"a group of none":        two + "group G all\nquorum G\n",
		"more than there are":    two + "group G 3 A B\nquorum G\n",
		"none of two":            two + "group G 0 A B\nquorum G\n",
		"a number with a zero":   two + "group G 01 A B\nquorum G\n",
		"a member twice":         two + "group G all A A\nquorum G\n",
		"a member of two groups": two + "group G any A B\ngroup H any A G\nquorum H\n",
		"itself":                 two + "group G any G\nquorum G\n",
		"later ones":             "group G any A B\n" + two + "quorum G\n",
		"the name none":          fmt.Sprintf("witness none %s\nquorum none\n", w.keys[0]),
		"a name twice":           two + fmt.Sprintf("witness A %s\nquorum A\n", w.keys[2]),
		"a key twice":            two + fmt.Sprintf("witness C %s\nquorum A\n", w.keys[0]),
		"a log twice":            fmt.Sprintf("log %s\nlog %s\nquorum none\n", w.vkey, w.vkey),
		"a log's key":            fmt.Sprintf("witness A %s\nquorum A\n", w.vkey),
		"a witness's key":        fmt.Sprintf("log %s\nquorum none\n", w.keys[0]),
		"a carriage return":      two + "quorum\rA\n",
		"too much":               strings.Repeat("#", MaxPolicy) + "\nquorum none\n",
	} {
		if _, err := ParsePolicy([]byte(text)); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("log a\nwitness b c\ngroup d any b\nquorum d\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePolicy([]byte(text))
		if err != nil && !errors.Is(err, ErrPolicy) {
			t.Fatal(err)
		}
		if err == nil && p.check() != nil {
			t.Fatalf("%v of %q", p.check(), text)
		}
	})
}

// A file whose lines end with CR LF, as some editors write, is the same policy.
func TestPolicyWithCRLF(t *testing.T) {
	text := "# none\nquorum none\n"
	want, err := ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParsePolicy([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
