// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/pairing"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

const top = ".." // of the module, from this folder

// documents returns the project's documents, by path from the top.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("documents %v: %v", paths, err)
	}
	docs := map[string]string{}
	for _, p := range append(paths, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "../SECURITY.md") {
		docs[strings.TrimPrefix(filepath.ToSlash(p), top+"/")] = text(t, p)
	}
	return docs
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goSource returns all Go code of the module, tests or the rest.
func goSource(t *testing.T, tests bool) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && strings.HasSuffix(path, "_test.go") == tests {
			all.WriteString(text(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestDocsNameTargetsThatExist(t *testing.T) {
	makefile := text(t, filepath.Join(top, "Makefile"))
	named := regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)((?: +[A-Z_]+=\\S*)*)")
	variable := regexp.MustCompile(`([A-Z_]+)=`)
	found := 0
	for doc, body := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(body, -1) {
			found++
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
				t.Errorf("%s names make %s, which is not in the Makefile", doc, m[1])
			}
			for _, v := range variable.FindAllStringSubmatch(m[2], -1) {
				if !regexp.MustCompile(`(?m)^` + v[1] + ` +\?=`).MatchString(makefile) {
					t.Errorf("%s names make %s %s, and the Makefile has no such variable", doc, m[1], v[0])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("%d targets are named", found)
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInRef = regexp.MustCompile("[^a-z0-9 _-]")
)

// refs returns the fragments that a document's headings can be reached by.
func refs(body string) map[string]bool {
	have := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(body, -1) {
		have[strings.ReplaceAll(notInRef.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return have
}

func TestDocsLinksResolve(t *testing.T) {
	docs := documents(t)
	found := 0
	for doc, body := range docs {
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			path, fragment, _ := strings.Cut(m[1], "#")
			target := doc
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(doc), path))
			}
			if _, err := os.Stat(filepath.Join(top, target)); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			} else if fragment != "" && !refs(docs[target])[fragment] {
				t.Errorf("%s links to %s, and %s has no such heading", doc, m[1], target)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d links", found)
	}
}

var byteRow = regexp.MustCompile(`(?m)^\| (\d+) \| (\d+|\S+) \|`)

// TestByteTablesHaveNoHoles holds the rows of each byte table against each
// other: a field begins where the one before ends.
func TestByteTablesHaveNoHoles(t *testing.T) {
	rows := 0
	for doc, body := range documents(t) {
		for _, table := range strings.Split(body, "| offset | bytes | field |\n")[1:] {
			table, _, _ = strings.Cut(table, "\n\n")
			next := 0
			for _, m := range byteRow.FindAllStringSubmatch(table, -1) {
				if next < 0 {
					break // a field of variable length was the one before
				}
				if m[1] != strconv.Itoa(next) {
					// Zeros up to the next full block are said in words.
					if !strings.Contains(table, "zeros to "+m[1]) {
						t.Errorf("%s: a field at %s, the one before ends at %d, in\n%s", doc, m[1], next, table)
					}
				}
				at, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				length, err := strconv.Atoi(m[2])
				next = at + length
				if err != nil {
					next = -1
				}
				rows++
			}
		}
	}
	if rows < 60 {
		t.Errorf("%d rows", rows)
	}
}

// wrapped is where a paragraph, not a table, goes on in the next line.
var wrapped = regexp.MustCompile(`([^|\n])\n *([^|\n])`)

// TestDocsConstants holds the numbers in the documents against the code.
func TestDocsConstants(t *testing.T) {
	docs := documents(t)
	kib := func(n int) string { return strconv.FormatFloat(float64(n)/1024, 'f', -1, 64) + " KiB" }
	mib := func(n int) string { return strconv.FormatFloat(float64(n)/(1<<20), 'f', -1, 64) + " MiB" }
	for _, c := range []struct{ doc, want string }{
		{"format.md", fmt.Sprintf("| type | %d bytes |", event.MaxType)},
		{"format.md", fmt.Sprintf("| key | %d bytes |", event.MaxKey)},
		{"format.md", fmt.Sprintf("| payload | %d bytes |", event.MaxPayload)},
		{"format.md", fmt.Sprintf("| payload with flag 32 | %d bytes", event.SaltBytes+event.MaxPayload)},
		{"format.md", fmt.Sprintf("| payload with flag 2 | %d bytes", event.MaxSealed)},
		{"format.md", fmt.Sprintf("| header, refs | %d bytes", event.MaxPrefix)},
		{"format.md", fmt.Sprintf("| record | %d bytes |", event.MaxRecord)},
		{"format.md", fmt.Sprintf("| %d | *t* | type |\n| %[1]d+*t* | *k* | key |\n| %[1]d+*t*+*k* | *p* |", event.HeaderBytes)},
		{"format.md", fmt.Sprintf("| %d | *t* | type |\n| %[1]d+*t* | *k* | key |\n\n", event.LeafHeaderBytes)},
		{"format.md", fmt.Sprintf("| %d | … | records back to back, or a piece", segwriter.PageHeaderBytes)},
		{"format.md", fmt.Sprintf("A page has %d,", segwriter.MinPageBytes)},
		{"format.md", fmt.Sprintf("or %d bytes; new stores use %d", segwriter.MaxPageBytes, segwriter.DefaultPageBytes)},
		{"xsp.md", "HELLO, of anything before it, and of a PAGE_REQUEST | " + kib(messages.MaxHelloFrame)},
		{"xsp.md", fmt.Sprintf("16 to %d | ciphertext of up to %d bytes", pairing.MaxPayload+16, pairing.MaxPayload)},
		{"xsp.md", fmt.Sprintf("is open for %.0f minutes", pairing.Lifetime.Minutes())},
		{"xsp.md", "| body of EVENTS | " + mib(messages.MaxEventsFrame)},
		{"xsp.md", "| body of any other message | " + mib(messages.MaxFrame)},
		{"xsp.md", "| body of LEAVE, PING, PONG, PRESENCE, ERROR, BYE | " + kib(messages.MaxShortFrame)},
		{"xsp.md", fmt.Sprintf("| %d of 1 to %d bytes and %d bytes; by increasing", messages.MaxCaps, messages.MaxCapBytes, messages.MaxCapParam)},
		{"xsp.md", fmt.Sprintf("| list of offers | %d |", messages.MaxTopics)},
		{"xsp.md", fmt.Sprintf("| offers of one side that did not lead to a shared topic | %d,", messages.MaxOffers)},
		{"xsp.md", fmt.Sprintf("bin of 1 to %d bytes, [sealed]", messages.MaxCertificate)},
		{"xsp.md", fmt.Sprintf("a bin of at most %d zeros", messages.MaxPadding)},
		{"xsp.md", fmt.Sprintf("a parameter, bin of at most %d.", messages.MaxOpenParam)},
		{"xsp.md", fmt.Sprintf("| list of log states | %d;", messages.MaxEntries)},
		{"xsp.md", fmt.Sprintf("at most %d hashes |", messages.MaxRight)},
		{"xsp.md", fmt.Sprintf("| hashes | %d, RFC 9162", messages.MaxHashes)},
		{"xsp.md", fmt.Sprintf("leaf data, %d bytes", messages.MaxLeafBytes)},
		{"xsp.md", fmt.Sprintf("at most %d of %d bytes", messages.MaxAddresses, messages.MaxAddrBytes)},
		{"xsp.md", fmt.Sprintf("of at most %d bytes. On the control", messages.MaxTextBytes)},
		{"xsp.md", fmt.Sprintf("lacks fewer than %d full pages", syncer.PullPages)},
		{"xsp.md", fmt.Sprintf("Runs of up to %d pages", syncer.RunPages)},
		{"xsp.md", "about " + kib(syncer.PushBytes) + " in"},
		{"xsp.md", fmt.Sprintf("Another one than %d is refused", syncer.Version)},
		{"xsp.md", fmt.Sprintf("A message type of %d or above", messages.FirstOptional)},
	} {
		if !strings.Contains(wrapped.ReplaceAllString(docs["docs/"+c.doc], "$1 $2"), c.want) {
			t.Errorf("docs/%s does not say %q", c.doc, c.want)
		}
	}
}

// TestDocsListEveryMessage holds the message numbers against the code.
func TestDocsListEveryMessage(t *testing.T) {
	body := documents(t)["docs/xsp.md"]
	listed := 0
	for n := messages.Type(1); n < 256; n++ {
		if strings.HasPrefix(n.String(), "type ") {
			continue
		}
		listed++
		if want := fmt.Sprintf("**%s** (%d)", n, n); !strings.Contains(body, want) {
			t.Errorf("docs/xsp.md does not say %q", want)
		}
	}
	if listed < 25 {
		t.Errorf("%d messages", listed)
	}
}

var codeRow = regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| (yes|no)\b`)

// TestDocsListEveryCode holds the table of error codes against the code: which
// there are, and which are ever used.
func TestDocsListEveryCode(t *testing.T) {
	names := regexp.MustCompile(`(?m)^\t(Code[A-Za-z]+) +Code = (\d+)`).
		FindAllStringSubmatch(text(t, filepath.Join(top, "messages", "codes.go")), -1)
	codes := append([][]string{{"", "CodeOK", "0"}}, names...)
	codes = slices.CompactFunc(codes, func(a, b []string) bool { return a[2] == b[2] })
	source := goSource(t, false)
	rows := codeRow.FindAllStringSubmatch(documents(t)["docs/xsp.md"], -1)
	if len(rows) != len(codes) {
		t.Fatalf("docs/xsp.md lists %d codes, there are %d", len(rows), len(codes))
	}
	for i, c := range codes {
		sent := "no"
		if strings.Contains(source, "messages."+c[1]) {
			sent = "yes"
		}
		if rows[i][1] != c[2] || rows[i][2] != sent {
			t.Errorf("docs/xsp.md lists code %s, sent: %s; %s is %s, sent: %s", rows[i][1], rows[i][2], c[1], c[2], sent)
		}
	}
}

// TestDocsNameTestsThatExist holds the tests named as evidence against the code.
func TestDocsNameTestsThatExist(t *testing.T) {
	source := goSource(t, true)
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9]+)[`/]")
	found := 0
	for doc, body := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(body, -1) {
			found++
			if !strings.Contains(source, "func "+m[1]+"(") {
				t.Errorf("%s names %s, which is not there", doc, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("%d tests are named", found)
	}
}

// TestDocsShowTheLayers holds both import tables against the one that is
// enforced.
func TestDocsShowTheLayers(t *testing.T) {
	var want []string
	for _, row := range layers {
		names := slices.Sorted(slices.Values(row))
		want = append([]string{strings.Join(names, " ")}, want...)
	}
	docs := documents(t)
	numbered := regexp.MustCompile(`(?m)^\| \d+ \| ([^|(]*)`)
	if got := rowsOf(docs["CONTRIBUTING.md"], numbered); !slices.Equal(got, want) {
		t.Errorf("CONTRIBUTING.md shows %q, want %q", got, want)
	}
	_, section, _ := strings.Cut(docs["docs/architecture.md"], "## Layers")
	section, _, _ = strings.Cut(section, "\n## ")
	plain := regexp.MustCompile("(?m)^\\| ((?:root package )?`[^|]*) \\|")
	if got := rowsOf(section, plain); !slices.Equal(got, want) {
		t.Errorf("docs/architecture.md shows %q, want %q", got, want)
	}
}

func rowsOf(body string, row *regexp.Regexp) []string {
	var all []string
	for _, m := range row.FindAllStringSubmatch(body, -1) {
		var names []string
		for _, n := range regexp.MustCompile("`([a-z/]+)`|root package").FindAllStringSubmatch(m[1], -1) {
			if n[1] != "xaeroflux" {
				names = append(names, n[1])
			}
		}
		slices.Sort(names)
		all = append(all, strings.Join(names, " "))
	}
	return all
}
