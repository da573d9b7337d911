// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"go/ast"
	"go/token"
	"testing"
)

// Whoever fills a syncer.LogInfo by hand forgets the policy that its records are judged by:
// syncer.LogOf takes it from the genesis, and is the only place that does.
func TestLogInfosAreMadeInOnePlace(t *testing.T) {
	found := 0
	eachFile(t, func(set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			l, ok := n.(*ast.CompositeLit)
			if !ok || len(l.Elts) == 0 || !isLogInfo(l.Type) {
				return true
			}
			if found++; found > 1 || file.Name.Name != "syncer" {
				t.Errorf("%s: a LogInfo that LogOf did not make", set.Position(l.Pos()))
			}
			return true
		})
	})
	if found == 0 {
		t.Error("no LogInfo is made at all: the test looks in the wrong place")
	}
}

func isLogInfo(x ast.Expr) bool {
	if s, ok := x.(*ast.SelectorExpr); ok {
		x = s.Sel
	}
	name, ok := x.(*ast.Ident)
	return ok && name.Name == "LogInfo"
}
