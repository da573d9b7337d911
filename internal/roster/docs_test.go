// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every byte table above a type stands in docs/roster.md as it is.
func TestDocumentHasEveryTable(t *testing.T) {
	doc, err := os.ReadFile("../../docs/roster.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || !strings.Contains(g.Doc.Text(), "offset") {
				continue
			}
			tables++
			if table := tableOf(g.Doc.Text()); !strings.Contains(string(doc), table) {
				t.Errorf("%s: docs/roster.md has no such table:\n%s", name, table)
			}
		}
	}
	if tables < 30 {
		t.Errorf("%d tables", tables)
	}
}

// tableOf returns the indented lines of a comment, without their indent.
func tableOf(text string) string {
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(l, "\t"); ok {
			lines = append(lines, rest)
		}
	}
	return strings.Join(lines, "\n")
}

// Every reason and every tag of the code is a rule or a row of the document.
func TestDocumentHasEveryTag(t *testing.T) {
	doc, err := os.ReadFile("../../docs/roster.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{tagAdmit, tagAdmitted, tagJoin, tagDevice, tagAdded, tagLink, tagTerm, tagSuccession, tagCertificate, "xaeroflux epoch readers v1"} {
		if !strings.Contains(string(doc), tag) {
			t.Errorf("no tag %q", tag)
		}
	}
	for typ := range strings.FieldsSeq("genesis begin admit device role remove invite uninvite epoch cut erase snapshot grant answer handover") {
		if newRecord("xf/"+typ) == nil || !strings.Contains(string(doc), "`"+typ+"`") && !strings.Contains(string(doc), "### "+typ) {
			t.Errorf("no record %q", typ)
		}
	}
}
