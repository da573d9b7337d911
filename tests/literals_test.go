// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// label is a string that separates what is hashed or signed, or heads a file: some
// have the word of a command in them.
var label = regexp.MustCompile(`^xaeroflux [a-z ]+ v?[0-9]+ ?$`)

// The library speaks of itself in words of its API: whoever embeds it has no command
// of the node. Only cmd names those and their flags, see hints.go there.
func TestLibraryNamesNoCommand(t *testing.T) {
	commands := commandNames(t)
	if len(commands) < 20 {
		t.Fatalf("only %d commands are found: %q", len(commands), commands)
	}
	command := regexp.MustCompile("xaeroflux (" + strings.Join(commands, "|") + `)\b`)
	flag := regexp.MustCompile("(^|[\\s(`'\"])--[a-z]")
	eachFile(t, func(set *token.FileSet, file *ast.File) {
		if strings.HasPrefix(set.Position(file.Pos()).Filename, "../cmd/") {
			return
		}
		eachText(file, func(at token.Pos, text string) {
			if !label.MatchString(text) && (command.MatchString(text) || flag.MatchString(text)) {
				t.Errorf("%s: %q is for the node to say", set.Position(at), text)
			}
		})
	})
}

// commandNames returns what the commands of the node are called.
func commandNames(t *testing.T) (names []string) {
	t.Helper()
	eachFile(t, func(set *token.FileSet, file *ast.File) {
		if !strings.HasPrefix(set.Position(file.Pos()).Filename, "../cmd/") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.KeyValueExpr); ok {
				key, _ := field.Key.(*ast.Ident)
				if use := textOf(field.Value); key != nil && key.Name == "Use" && use != "" && use != "xaeroflux" {
					names = append(names, strings.Fields(use)[0])
				}
			}
			return true
		})
	})
	return names
}

// eachText calls f for each string in a file that is no import or tag of a field.
func eachText(file *ast.File, f func(at token.Pos, text string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return n.Tag == nil
		case *ast.BasicLit:
			f(n.Pos(), textOf(n))
		}
		return true
	})
}

// textOf returns the string that an expression is, if it is one as it stands.
func textOf(x ast.Expr) string {
	l, ok := x.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(l.Value)
	return text
}
