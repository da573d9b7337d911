// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// operations are names of packages that an error may begin with, as they are what the
// caller asked for, or a word of its own. A panic may say whose it is.
var operations = []string{"backup", "repair", "corrupt", "xaeroflux"}

var prefix = regexp.MustCompile(`(?:^|: )([a-z]+): `)

// An error's text is for a person, who knows no package of ours: it says what is wrong,
// and what was asked for may stand in front.
func TestErrorsNameNoPackage(t *testing.T) {
	packages := map[string]bool{}
	for _, p := range goList(t) {
		packages[filepath.Base(p.ImportPath)] = true
	}
	texts := 0
	eachFile(t, func(set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "panic" {
					return false
				}
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range prefix.FindAllStringSubmatch(text, -1) {
				if texts++; packages[m[1]] && !slices.Contains(operations, m[1]) {
					t.Errorf("%s: %q names the package %s", set.Position(lit.Pos()), text, m[1])
				}
			}
			return true
		})
	})
	if texts < 50 {
		t.Errorf("%d texts", texts)
	}
}
