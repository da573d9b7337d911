// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// texts of this package's code, of all that a person may be shown.
func textsOfCode(t *testing.T) (all []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && !strings.HasSuffix(path, "_test.go") {
				if s, err := strconv.Unquote(l.Value); err == nil {
					all = append(all, s)
				}
			}
			return true
		})
	}
	return all
}

// TestHintsNameTheStore takes every text that names a command through typed, as a
// hint goes: each command that needs a store gets its directory, quoted, once.
func TestHintsNameTheStore(t *testing.T) {
	a := &app{dir: "a b"}
	command := regexp.MustCompile(`xaeroflux ([a-z]+)( --dir ('a b'|NEW|%s))?`)
	named := 0
	for _, text := range textsOfCode(t) {
		got := a.typed(text)
		bare := regexp.MustCompile("`[^`]*`").ReplaceAllString(got, "")
		for _, m := range command.FindAllStringSubmatch(bare, -1) {
			if !isCommand(m[1]) || slices.Contains(storeless, m[1]) {
				continue
			}
			if named++; m[2] == "" && !strings.Contains(bare, "/xaeroflux") {
				t.Errorf("%q names %s without the store", got, m[1])
			}
		}
		if strings.Contains(got, "--dir 'a b' --dir") {
			t.Errorf("%q names two", got)
		}
	}
	if named < 30 {
		t.Errorf("%d commands are named", named)
	}
}

func TestTyped(t *testing.T) {
	a := &app{dir: "a b"}
	for in, want := range map[string]string{
		"xaeroflux sync ADDRESS, with a peer":                   "xaeroflux sync --dir 'a b' ADDRESS, with a peer",
		"xaeroflux check, then xaeroflux repair":                "xaeroflux check --dir 'a b', then xaeroflux repair --dir 'a b'",
		"`xaeroflux run` is what shares; xaeroflux restore A B": "`xaeroflux run` is what shares; xaeroflux restore A B",
		"the xaeroflux that made this store":                    "the xaeroflux that made this store",
		"xaeroflux head --dir x":                                "xaeroflux head --dir x",
		"github.com/xaeroflux check":                            "github.com/xaeroflux check",
	} {
		if got := a.typed(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
