// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A line of the log is a constant with attributes, none of which is formatted for it:
// a level that is off costs no formatting.
func TestLogLinesAreConstant(t *testing.T) {
	lines := 0
	eachCall(t, func(where token.Position, call *ast.CallExpr) {
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !logs(method) {
			return
		}
		lines++
		if text, ok := call.Args[0].(*ast.BasicLit); (!ok || text.Kind != token.STRING) && !strings.HasPrefix(where.Filename, "../cmd") {
			t.Errorf("%s: the message is no constant", where)
		}
		for _, attr := range call.Args[1:] {
			if formats(attr) {
				t.Errorf("%s: an attribute is formatted, whether or not the level is on", where)
			}
		}
	})
	if lines < 30 {
		t.Errorf("%d lines were found only", lines)
	}
}

// logs reports whether the method is one of a logger's.
func logs(method *ast.SelectorExpr) bool {
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
	default:
		return false
	}
	switch on := method.X.(type) {
	case *ast.Ident:
		return on.Name == "log"
	case *ast.SelectorExpr:
		return on.Sel.Name == "log" || on.Sel.Name == "Logger"
	case *ast.CallExpr:
		f, ok := on.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name == "Logger"
	}
	return false
}

// formats reports whether fmt is called in an expression.
func formats(x ast.Expr) (yes bool) {
	ast.Inspect(x, func(n ast.Node) bool {
		if f, ok := n.(*ast.SelectorExpr); ok {
			pkg, ok := f.X.(*ast.Ident)
			yes = yes || ok && pkg.Name == "fmt"
		}
		return true
	})
	return yes
}

// eachCall calls f for every call in the code of the module, without its tests,
// tests/ and bench/.
func eachCall(t *testing.T, f func(token.Position, *ast.CallExpr)) {
	t.Helper()
	eachFile(t, func(set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				f(set.Position(call.Pos()), call)
			}
			return true
		})
	})
}

// eachFile calls f for every file of the module's code, without its tests, tests/
// and bench/.
func eachFile(t *testing.T, f func(*token.FileSet, *ast.File)) {
	t.Helper()
	const root = ".."
	storetest.Must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(path, root+"/")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (rel == "tests" || rel == "bench" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		src, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err == nil {
			f(set, src)
		}
		return err
	}))
}
