// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// inPlace lists all lines of the documents that are not run as they stand: what is
// run in the place of the words that shown finds, nothing if run is empty, and why.
var inPlace = []struct{ doc, shown, run, why string }{
	{"README.md", `^make run$`, `make -n -C "$$TOP" run && bin/xaeroflux demo`, "it would build into the source tree; the demo is what it runs"},
	{"README.md", `^make test$`, `make -n -C "$$TOP" test`, "this test is a part of it"},
	{"README.md", `^xaeroflux run .*$`, `$0 &`, "a node runs until it is stopped"},
	{"docs/operating.md", `^xaeroflux run .*$`, `$0 &`, "a node runs until it is stopped"},
	{"docs/private.md", `^xaeroflux run .*$`, `$0 &`, "a node runs until it is stopped"},
	{"docs/private.md", `^xaeroflux invite .* --code$`, `timeout -s INT 2 $0 || true`, "it waits for the other device"},
	{"docs/private.md", `^xaeroflux members .* \| grep reader$`, `until $0; do sleep 0.1; done`, "the node admits Cy a moment after he asked"},
	{"docs/operating.md", `ssh host (xaeroflux serve --stdio) --dir notes`, `$1 --dir ada`, "there is no other host; Ada's store is the peer"},
	{"docs/operating.md", `\b(INVITE|ADDRESS)$`, `"$$(xaeroflux invite --dir ada)"`, "stands for one that was printed; an invite names the address, too"},
	{"docs/operating.md", `\bFILE\b`, `bread.tlog-proof`, "stands for a file of lines"},
	{"docs/benchmarks.md", `^make bench`, `make -n -C "$$TOP" bench`, "over an hour; package bench/report has tests, and make test runs them"},
	{"docs/ladder.md", `^cd bench$`, `cd "$$TOP/bench"`, "it is run in another directory"},
	{"docs/ladder.md", `^go run ./ladder$`, `go run ./ladder -n 100 -d 0,1`, "about a minute"},
	{"docs/reliability.md", `^make reliability`, `make -n -C "$$TOP" reliability`, "hours, and it writes the page"},
	{"docs/reliability.md", `^go run ./tests/(simulation/run|families/run|reliability) .*$`, ``, "seconds to hours, once it is built; tests/simulation, tests/families and tests/reliability have tests that do the same"},
	{"docs/xsp.md", `^go run ./tests/conformance .*$`, ``, "it would be built here; its own tests run it against this node, by TCP and QUIC and beside serve --stdio"},
	{"docs/performance.md", `^make microbench$`, `make -n -C "$$TOP" microbench`, "about five minutes"},
	{"docs/performance.md", `^go test -run '\^\$' -bench (\w+) -cpuprofile (\S+) ./tests$`,
		`./tests.test -test.run '^$$' -test.bench $1 -test.benchtime 1x -test.cpuprofile $2 | grep ^Benchmark`, "these tests are built already"},
	{"docs/performance.md", `^go tool pprof -top -cum (\S+) (\S+)$`, `test -s $1 && test -s $2`, "Go builds it first, which may take half a minute; both files are there"},
}

var (
	fence   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	remark  = regexp.MustCompile(` +# .*$`)
	noShell = []string{"go", "mermaid"}
	prompt  = regexp.MustCompile(`(?m)^(\$|make|go|cd|xaeroflux [a-z]+ --\w+) `) // in a block without a mark
)

// A typed is a line that a document tells to type, and what it shows of what is printed.
type typed struct {
	lines []string
	shown []string // nil: nothing is said of it
}

// typedIn returns what a document tells to type: each prompt of a console, and all of
// a block for a shell as one.
func typedIn(t *testing.T, doc, body string) (all []typed) {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatch(body, -1) {
		lines := strings.Split(strings.TrimSuffix(m[2], "\n"), "\n")
		switch {
		case m[1] == "console":
			for _, line := range lines {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					all = append(all, typed{lines: []string{command}, shown: []string{}})
				} else if len(all) == 0 {
					t.Errorf("%s: a console begins without a prompt: %s", doc, line)
				} else {
					last := &all[len(all)-1]
					last.shown = append(last.shown, line)
				}
			}
		case m[1] == "sh":
			all = append(all, typed{lines: lines})
		case m[1] == "" && !prompt.MatchString(m[2]): // a picture, a table, bytes
		case !slices.Contains(noShell, m[1]):
			t.Errorf("%s: a block is marked %q: if it is for a shell, sh and console are run", doc, m[1])
		}
	}
	return all
}

// TestDocsCommandsRun runs what the documents tell to type, in their order, each
// document in a directory of its own, and compares what they show of what is printed.
// Go blocks are compiled, and run, by the tests in example_test.go.
func TestDocsCommandsRun(t *testing.T) {
	used := make([]bool, len(inPlace))
	commands := 0
	for doc, body := range documents(t) {
		all := typedIn(t, doc, body)
		if len(all) == 0 {
			continue
		}
		t.Run(doc, func(t *testing.T) {
			term := newTerminal(t)
			for _, c := range all {
				commands += len(c.lines)
				for i, line := range c.lines {
					c.lines[i] = replaced(doc, remark.ReplaceAllString(line, ""), used)
				}
				if script := strings.Join(c.lines, "\n"); strings.TrimSpace(script) != "" {
					term.run(t, script, c.shown)
				}
			}
		})
	}
	for i, r := range inPlace {
		if !used[i] && !t.Failed() {
			t.Errorf("%s: nothing is like %s", r.doc, r.shown)
		}
	}
	if commands < 40 && !t.Failed() {
		t.Errorf("%d commands", commands)
	}
}

// replaced is what is run for a line of a document.
func replaced(doc, line string, used []bool) string {
	for i, r := range inPlace {
		if re := regexp.MustCompile(r.shown); r.doc == doc && re.MatchString(line) {
			used[i] = true
			line = re.ReplaceAllString(line, r.run)
		}
	}
	return line
}

var (
	helpName = regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`)
	helpFlag = regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`)
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	flagged  = regexp.MustCompile(`(?:^| )(--[a-z-]+)`)
)

// TestDocsNameCommandsAndFlags holds the commands that stand in the text of the
// documents against the node's help: there are such commands, with such flags, and the
// operator's table has a row for each command.
func TestDocsNameCommandsAndFlags(t *testing.T) {
	flags := map[string][]string{} // by command
	for _, m := range helpName.FindAllStringSubmatch(helpOf(t, "help"), -1) {
		texts := []string{helpOf(t, m[1], "--help")}
		for _, sub := range helpName.FindAllStringSubmatch(texts[0], -1) {
			texts = append(texts, helpOf(t, m[1], sub[1], "--help"))
		}
		for _, f := range helpFlag.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
			flags[m[1]] = append(flags[m[1]], f[1])
		}
	}
	docs := documents(t)
	named := 0
	for _, doc := range []string{"README.md", "SECURITY.md", "docs/actors.md", "docs/architecture.md", "docs/embedding.md", "docs/operating.md", "docs/private.md", "docs/reliability.md"} {
		for _, span := range codeSpan.FindAllStringSubmatch(docs[doc], -1) {
			line, ours := strings.CutPrefix(span[1], "xaeroflux ")
			name, _, _ := strings.Cut(line, " ")
			if flags[name] == nil {
				if ours && !slices.Contains([]string{"NAME", "help"}, name) {
					t.Errorf("%s names `%s`, and there is no such command", doc, span[1])
				}
				continue
			}
			named++
			for _, f := range flagged.FindAllStringSubmatch(line, -1) {
				if !slices.Contains(flags[name], f[1]) {
					t.Errorf("%s names `%s`, and %s has no %s", doc, span[1], name, f[1])
				}
			}
		}
	}
	if named < 80 || len(flags) < 20 {
		t.Errorf("%d are named, of %d commands", named, len(flags))
	}
	_, table, _ := strings.Cut(docs["docs/operating.md"], "\n## Commands\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for name := range flags {
		if name != "help" && !regexp.MustCompile("(?m)^\\|[^|]*`"+name+"[ `]").MatchString(table) {
			t.Errorf("docs/operating.md has no row for %s", name)
		}
	}
}

func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("xaeroflux", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("xaeroflux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var (
	goRun    = regexp.MustCompile("go run (\\./[a-z/]+)([^`#\n]*)")
	goFlag   = regexp.MustCompile(`flag\.\w+\((?:&[\w.]+, )?"([a-z]+)"`)
	goFlagOf = regexp.MustCompile(` -([a-z]+)`)
)

// TestDocsNameProgramsThatExist holds each "go run" in the documents against the
// program: there is one, with such flags.
func TestDocsNameProgramsThatExist(t *testing.T) {
	named := 0
	for doc, body := range documents(t) {
		for _, m := range goRun.FindAllStringSubmatch(body, -1) {
			named++
			files, err := filepath.Glob(filepath.Join(top, m[1], "*.go"))
			beside, err2 := filepath.Glob(filepath.Join(top, "bench", m[1], "*.go")) // where a page says cd bench
			storetest.Must(t, errors.Join(err, err2))
			source := ""
			for _, f := range append(files, beside...) {
				source += text(t, f)
			}
			if !strings.Contains(source, "\nfunc main() {") {
				t.Errorf("%s names %s, which is no program", doc, m[1])
			}
			flags := goFlag.FindAllStringSubmatch(source, -1)
			args, _, _ := strings.Cut(m[2], " -- ") // what follows is another program's
			for _, f := range goFlagOf.FindAllStringSubmatch(args, -1) {
				if !slices.ContainsFunc(flags, func(have []string) bool { return have[1] == f[1] }) {
					t.Errorf("%s names %s, and there is no -%s", doc, m[0], f[1])
				}
			}
		}
	}
	if named < 15 {
		t.Errorf("%d programs are named", named)
	}
}
