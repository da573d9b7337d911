// SPDX-License-Identifier: MPL-2.0

// Package vectors runs the reader of tests/testdata/vectors that is written in
// another language, and holds the worked examples of the pages against both.
package vectors

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../../.." // of the module, from this folder

// reader runs read.mjs with a command and returns what it prints. If there is no
// Node the test is skipped; with XAEROFLUX_ORACLE set, as make oracle does, that
// fails.
func reader(t *testing.T, folder string, command ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("XAEROFLUX_ORACLE") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v; make oracle says what is needed", err)
	}
	cmd := exec.Command("node", append([]string{"read.mjs"}, command...)...)
	if folder != "" {
		cmd.Env = append(os.Environ(), "VECTORS="+folder)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Another language reads every row of every file, by the documents alone.
func TestOracleReadsVectors(t *testing.T) {
	out, err := reader(t, "")
	t.Log(out)
	if err != nil {
		t.Error(err)
	}
}

// The reader looks at every value of every row.
func TestOracleMissesNothing(t *testing.T) {
	if out, err := reader(t, "", "control"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Another language reads the recorded sessions: messages, offers, events and what
// the program holds.
func TestOracleReadsSessions(t *testing.T) {
	out, err := reader(t, "", "recorded")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var n struct{ Sessions, Messages, Offers, Events, Held int }
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		t.Fatal(err)
	}
	if n.Sessions < 8 || n.Messages < 100 || n.Offers < 2*n.Sessions-4 || n.Events < 300 || n.Held < 20 {
		t.Errorf("%+v", n)
	}
}

// A part that the reader does not know, or that is not there, fails.
func TestOracleSkipsNothing(t *testing.T) {
	for _, x := range []struct{ what, file, old, with string }{
		{"a list more", "digest.json", `"leaves"`, `"more": [], "leaves"`},
		{"a list less", "digest.json", `"trees"`, `"trunks"`},
		{"a field more", "digest.json", `"tag":`, `"more": 1, "tag":`},
		{"a field twice", "digest.json", `"tag":`, `"tag": "", "tag":`},
		{"another reason", "event.json", `"reason_name": "time"`, `"reason_name": "tide"`},
		{"good, and refused", "event.json", `"outcome": "kept"`, `"outcome": "refused"`},
		{"another kind", "identity.json", `"kind": "place"`, `"kind": "palace"`},
	} {
		text := vectorFiles(t)[x.file]
		spoiled := strings.Replace(text, x.old, x.with, 1)
		if spoiled == text {
			t.Fatalf("%s: nothing changed", x.what)
		}
		if out, err := reader(t, folderOf(t, map[string]string{x.file: spoiled}), "check", x.file); err == nil {
			t.Errorf("%s: nothing is wrong\n%s", x.what, out)
		}
	}
	files := vectorFiles(t)
	files["more.json"] = "{}"
	delete(files, "digest.json")
	out, err := reader(t, folderOf(t, files))
	if err == nil || !strings.Contains(out, "more.json: no vectors") || !strings.Contains(out, "digest.json: it is not there") {
		t.Errorf("a file more and one less: %v\n%s", err, out)
	}
}

// folderOf writes files into a folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// vectorFiles returns the files of vectors by name.
func vectorFiles(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(top, "tests", "testdata", "vectors", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	files := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(p)] = string(b)
	}
	return files
}

// examplePages are the pages with worked examples, each with how many byte
// strings it shows at least.
var examplePages = map[string]int{"format": 25, "xsp": 30, "roster": 7}

// workedExamples returns that section of a page.
func workedExamples(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "docs", page+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Worked examples\n")
	section, _, _ = strings.Cut(section, "\n## ")
	return strings.TrimSpace(section)
}

var (
	wrapped = regexp.MustCompile(`\n +([0-9a-f]+)`) // bytes that go on in the next line
	digits  = regexp.MustCompile(`(?m)  ([0-9a-f]{16,})$`)
)

// The bytes in the pages are those of the vectors.
func TestWorkedExamplesAreVectors(t *testing.T) {
	var all strings.Builder
	for _, text := range vectorFiles(t) {
		all.WriteString(text)
	}
	for page, least := range examplePages {
		found := digits.FindAllStringSubmatch(wrapped.ReplaceAllString(workedExamples(t, page), "$1"), -1)
		if len(found) < least {
			t.Errorf("docs/%s.md: %d examples", page, len(found))
		}
		for _, m := range found {
			if !strings.Contains(all.String(), m[1]) {
				t.Errorf("docs/%s.md: %s is in no vector", page, m[1])
			}
		}
	}
}

// The pages have what the reader prints.
func TestOracleMakesExamples(t *testing.T) {
	for page := range examplePages {
		out, err := reader(t, "", "examples", page)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.TrimSpace(out) != workedExamples(t, page) {
			t.Errorf("docs/%s.md has other examples than\n%s", page, out)
		}
	}
}
