// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A meaning is what the ids and addresses of a page stand for here, where they are others
// each time. The first time a page shows one, what is printed there is noted, and
// from then on the one has to stand for the other.
type meaning map[string]string // by what the page shows

const standing = 3 // the first of varying, which stand for something

var (
	// varying are the words that are others each time.
	varying = []string{`\b[0-9a-f]{64}\b`, `\b127\.0\.0\.1:\d+`, `\bxf2[a-z2-7]+…?`,
		`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`, `\b\d+ B\b|\b\d+\.\d kB\b`, `\b\d+\.\d+ s\b`, `\b\d+ round trips\b`, `…$`}
	varies = regexp.MustCompile(`SHA-256 [0-9a-f]{64}|(` + strings.Join(varying, `)|(`) + `)`) // a payload has the same hash

	beginning = regexp.MustCompile(`\b[0-9a-f]{4,63}\b`) // of an id, it may be
)

// A word is a part of a line that is another each time.
type word struct {
	text       string
	begin, end int
	kind       int // index of varying
}

func wordsOf(line string) (all []word) {
	for _, m := range varies.FindAllStringSubmatchIndex(line, -1) {
		for kind := range varying {
			if at := 2 * (kind + 1); m[at] >= 0 {
				all = append(all, word{line[m[0]:m[1]], m[0], m[1], kind})
			}
		}
	}
	return all
}

// translate puts what stands here for ids and addresses into a line of a page.
func (m meaning) translate(line string) (string, error) {
	var b strings.Builder
	at := 0
	for _, w := range wordsOf(line) {
		if w.kind >= standing {
			continue
		}
		here, ok := m[w.text]
		if !ok {
			return "", fmt.Errorf("%s\nnames %s, which nothing showed before", line, w.text)
		}
		b.WriteString(line[at:w.begin] + here)
		at = w.end
	}
	return beginning.ReplaceAllStringFunc(b.String()+line[at:], func(part string) string {
		for shown, here := range m {
			if strings.HasPrefix(shown, part) {
				return here[:len(part)]
			}
		}
		return part
	}), nil
}

// compare holds what a line printed against what is shown of it. A last line "…" is for
// all that follows. The logs of a store come in an order that is chance, and so do the
// lines of a cat.
func (m meaning) compare(line string, shown, got []string) error {
	if strings.HasPrefix(line, "xaeroflux cat ") {
		shown, got = slices.Sorted(slices.Values(shown)), slices.Sorted(slices.Values(got))
	}
	for i, want := range shown {
		if want == "…" && i == len(shown)-1 {
			return nil
		}
		if i >= len(got) {
			return fmt.Errorf("nothing is left for %q", want)
		}
		if err := m.learn(want, got[i]); err != nil {
			return err
		}
	}
	if len(got) > len(shown) && !strings.HasSuffix(line, " &") { // one that stays may say more
		return fmt.Errorf("%q is not shown", got[len(shown)])
	}
	return nil
}

// learn compares one line, and notes what stands for what in it.
func (m meaning) learn(shown, printed string) error {
	pattern, at := "^", 0
	words := wordsOf(shown)
	for _, w := range words {
		kind := varying[w.kind]
		if w.text == "…" {
			kind = `.*`
		}
		pattern += regexp.QuoteMeta(shown[at:w.begin]) + "(" + kind + ")"
		at = w.end
	}
	got := regexp.MustCompile(pattern + regexp.QuoteMeta(shown[at:]) + "$").FindStringSubmatch(printed)
	if got == nil {
		return fmt.Errorf("%q is shown where it printed %q", shown, printed)
	}
	for i, w := range words {
		if w.kind >= standing {
			continue
		}
		if err := m.note(w.text, got[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// note has a word of the page stand for what is here, and nothing else for that.
func (m meaning) note(shown, here string) error {
	if before, ok := m[shown]; ok && before != here {
		return fmt.Errorf("%s stands for %s, and now for %s", shown, before, here)
	}
	for other, same := range m {
		if same == here && other != shown {
			return fmt.Errorf("%s is shown for %s, and %s before", shown, here, other)
		}
	}
	m[shown] = here
	return nil
}
