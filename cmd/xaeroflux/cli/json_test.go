// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

var update = flag.Bool("update", false, "write docs/json.md again from the types")

const jsonPage = "../../../docs/json.md"

// printed is what commands print with --json: by the function that prints it, one that
// prints twice counts twice.
var printed = []struct {
	in, command string
	value       any
}{
	{"actorsCmd", "`actors`", nodeapi.Status{}},
	{"adoptCmd", "`adopt`", xaeroflux.Move{}},
	{"adoptCmd", "`adopt --alone`", &xaeroflux.Move{}},
	{"printReceipt", "`append`", xaeroflux.Receipt{}},
	{"devices", "`devices`, for each device", deviceLine{}},
	{"backupCmd", "`backup DIR`", xaeroflux.BackupReport{}},
	{"verifyBackup", "`backup --verify DIR`", verifiedBackup{}},
	{"cat", "`cat`, for each event", nodeapi.Record{}},
	{"checkCmd", "`check`", xaeroflux.CheckReport{}},
	{"plan", "`check --plan`", xaeroflux.Plan{}},
	{"demo", "`demo`", demoSummary{}},
	{"fetchCmd", "`fetch`", xaeroflux.FetchReport{}},
	{"followCmd", "`follow`", nodeapi.Followed{}},
	{"forks", "`forks`, for each fork", forkLine{}},
	{"gapsCmd", "`gaps`, for each log", nodeapi.Gaps{}},
	{"get", "`get`", nodeapi.Record{}},
	{"heads", "`head`, for each log", nodeapi.Head{}},
	{"printInfo", "`init`, `join`", nodeapi.Info{}},
	{"invite", "`invite`", inviteLine{}},
	{"giveByCode", "`invite --code`, for each code", codeLine{}},
	{"succession", "`successor key`, `successor propose`, `successor sign`", nodeapi.Succession{}},
	{"printLink", "`devices link`", linkLine{}},
	{"ownDevices", "`devices --mine`, for each device", xaeroflux.Device{}},
	{"printRemovals", "`devices remove DEVICE --everywhere`, for each topic", xaeroflux.DeviceRemoval{}},
	{"invites", "`invites`, and the command of it, for each invite", xaeroflux.OpenInvite{}},
	{"asks", "`asks`, for each ask", xaeroflux.Ask{}},
	{"members", "`members`, and the commands of it, for each member", xaeroflux.Member{}},
	{"passwd", "`passwd`", passwdResult{}},
	{"repairCmd", "`repair`", xaeroflux.RepairReport{}},
	{"restoreCmd", "`restore`", xaeroflux.BackupManifest{}},
	{"announce", "`run`, once it listens", listeningLine{}},
	{"printRecovered", "`recover`", xaeroflux.Recovered{}},
	{"printRoster", "`roster`, its commands, `handover` and `takeover`", xaeroflux.RosterStatus{}},
	{"statusCmd", "`status`", nodeapi.Status{}},
	{"synced", "`sync`", syncLine{}},
	{"topics", "`topic list`, and the other commands of `topic`", []nodeapi.TopicInfo{}},
	{"verifyCmd", "`verify`, of a proof", verified{}},
	{"verifyCheckpoint", "`verify`, of a checkpoint", verifiedHead{}},
	{"verifyConsistency", "`verify`, of a consistency proof", verifiedGrowth{}},
	{"verifyFork", "`verify`, of a fork", verifiedFork{}},
	{"vkeyCmd", "`vkey`", vkeyLine{}},
}

// docs/json.md has every field that is printed, and no other: it is written from the
// types, and what it says of a field is the comment there.
func TestJSONPage(t *testing.T) {
	want := page(t)
	if *update {
		if err := os.WriteFile(jsonPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(jsonPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("docs/json.md is not what the types say: go test ./cmd/xaeroflux/cli -run TestJSONPage -update")
	}
}

// Nothing is printed that is not in the table above.
func TestEachJSONIsListed(t *testing.T) {
	want, have := map[string]int{}, map[string]int{}
	for _, p := range printed {
		want[p.in]++
	}
	for _, f := range parsed(t, ".") {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name == "print" || fn.Name.Name == "list" {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch f := call.Fun.(type) {
				case *ast.SelectorExpr:
					if f.Sel.Name == "print" || f.Sel.Name == "NewEncoder" {
						have[fn.Name.Name]++
					}
				case *ast.Ident:
					if f.Name == "list" {
						have[fn.Name.Name]++
					}
				}
				return true
			})
		}
	}
	if !maps.Equal(have, want) {
		t.Errorf("JSON is printed in %v, and listed are %v", have, want)
	}
}

func parsed(t *testing.T, dir string) (all []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// comments are what the source says of each type, as package.Type, and of each field,
// behind a dot.
func comments(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{"../../..", "../../../internal/nodeapi", "."} {
		for _, f := range parsed(t, dir) {
			ast.Inspect(f, func(n ast.Node) bool {
				decl, ok := n.(*ast.GenDecl)
				if !ok {
					return true
				}
				for _, spec := range decl.Specs {
					s, ok := spec.(*ast.TypeSpec)
					if !ok {
						continue
					}
					name := f.Name.Name + "." + s.Name.Name
					all[name] = oneLine(decl.Doc, s.Doc)
					if st, ok := s.Type.(*ast.StructType); ok {
						for _, field := range st.Fields.List {
							for _, n := range field.Names {
								all[name+"."+n.Name] = oneLine(field.Comment, field.Doc)
							}
						}
					}
				}
				return true
			})
		}
	}
	return all
}

// oneLine returns the first comment that there is.
func oneLine(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

const pageTop = `# What ` + "`--json`" + ` prints

Each command prints one object a line to stdout, but for ` + "`topic list`, `topic create`, `topic rename`, `topic default` and `topic leave`" + `, which print one array. What is a file stays one: ` + "`prove`, `head --note`, `head --cosigned`, `forks -o`, `backup -`" + `
and ` + "`completion`" + ` print no JSON, and ` + "`network-changed`, `words`, `serve`" + ` and a ` + "`join`" + ` that links a device print none either. Talk and errors go to stderr, as without it. This page is written from the Go types that are printed, and a test holds it against them.
A field with a ` + "`?`" + ` is left out if there is nothing to say. Ids, keys, hashes and signatures are text in lower-case hexadecimal, bytes are base64, times RFC 3339 in UTC,
and a duration is a number of nanoseconds. Fields may be added: skip those that you do not know.

| command | prints |
|---|---|
`

// page is docs/json.md as it should be.
func page(t *testing.T) string {
	var b strings.Builder
	b.WriteString(pageTop)
	types := map[string]reflect.Type{}
	for _, p := range printed {
		fmt.Fprintf(&b, "| %s | %s |\n", p.command, typeText(reflect.TypeOf(p.value), types))
	}
	said := comments(t)
	for before := -1; before != len(types); { // until nothing refers to a further one
		before = len(types)
		for _, st := range slices.Collect(maps.Values(types)) {
			rows(st, said, types)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		st := types[name]
		intro := strings.Replace(firstSentence(said[st.String()]), st.Name(), name, 1)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | is | |\n|---|---|---|\n", name, intro)
		for _, row := range rows(st, said, types) {
			b.WriteString(row)
		}
	}
	return b.String()
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}

// rows are the fields of a struct, with those of structs that are embedded in it.
func rows(st reflect.Type, said map[string]string, types map[string]reflect.Type) (all []string) {
	for i := range st.NumField() {
		f := st.Field(i)
		if f.Anonymous {
			all = append(all, rows(f.Type, said, types)...)
			continue
		}
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" {
			continue
		}
		field := tag
		if field == "" {
			field = f.Name
		}
		if options != "" {
			field += "?"
		}
		what := strings.ReplaceAll(said[st.String()+"."+f.Name], "|", "\\|")
		what = strings.TrimPrefix(strings.TrimPrefix(what, f.Name+" is "), f.Name+" are ")
		all = append(all, fmt.Sprintf("| `%s` | %s | %s |\n", field, typeText(f.Type, types), what))
	}
	return all
}

// typeText says what a value is, and notes the objects among it.
func typeText(t reflect.Type, types map[string]reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return typeText(t.Elem(), types) + " or null"
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[time.Duration]():
		return "nanoseconds"
	case t == reflect.TypeFor[json.RawMessage]():
		return "object"
	case t == reflect.TypeFor[xaeroflux.Address]():
		return "address"
	case t == reflect.TypeFor[xaeroflux.Role](), t == reflect.TypeFor[xaeroflux.TopicKind]():
		return "text"
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return "hex"
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "list of " + typeText(t.Elem(), types)
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct:
		name := shownName(t)
		types[name] = t
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case reflect.Map:
		return "object of " + typeText(t.Elem(), types)
	}
	return "number"
}

// shownName is the heading of an object: two packages have a Head.
func shownName(t reflect.Type) string {
	if t == reflect.TypeFor[nodeapi.Head]() {
		return "LogHead"
	}
	return strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
}
