// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/xaeroflux/xaeroflux"

// layers is the table of docs/architecture.md: a package imports only from
// rows below its own. A folder stands for all packages in it that have no row
// of their own.
var layers = [][]string{
	{"internal"},
	{"internal/digest", "internal/parallel", "identity", "supervisor"},
	{"event", "internal/naming", "internal/peerbook"},
	{"merkleindex", "internal/eventtest", "internal/identitytest", "internal/order", "internal/sketch"},
	{"mmrindex"},
	{"proof"},
	{"messages", "internal/pairing", "internal/recovery", "internal/roster", "internal/seal", "transport"},
	{"internal/home", "internal/layout", "internal/steward"},
	{"internal/aof", "segwriter"},
	{"internal/aside", "internal/device", "internal/findings", "internal/memlog"},
	{"internal/peertls"},
	{"internal/muxnet", "internal/pairnet"},
	{"syncer", "quicnet", "tcpnet", "pipenet"},
	{"internal/chunk"},
	{"internal/repair", "internal/store"},
	{"internal/backup", "internal/doctor"},
	{"actors/carriers", "actors/doors", "actors/pipeline"},
	{"actors/homekeeper", "actors/keeper", "actors/notices", "actors/streams"},
	{"actors/swarm"},
	{"actors/session"},
	{"actors/mesh"},
	{"actors/node"},
	{""},
	{"internal/nodeapi"},
	{"cmd"},
	{"tests"},
}

// sameRow lists imports within a row that are meant: identity hashes.
var sameRow = map[string]string{"identity": "internal/digest"}

// owners says which of our packages may import an outside library.
var owners = map[string][]string{
	"github.com/PowerDNS/lmdb-go":       {"internal/aof"},
	"github.com/edsrzf/mmap-go":         {"segwriter"},
	"github.com/quic-go/quic-go":        {"quicnet"},
	"github.com/libp2p/go-yamux":        {"internal/muxnet", "internal/pairnet"},
	"github.com/vmihailenco/msgpack":    {"messages"},
	"github.com/asynkron/protoactor-go": {"actors/homekeeper", "actors/keeper", "actors/node", "actors/mesh", "actors/session", "actors/pipeline", "supervisor", "", "tests", "cmd"},
	"crypto/hpke":                       {"internal/seal"},
	"github.com/gtank/ristretto255":     {"internal/pairing"},
	"filippo.io/age":                    {"identity"},
	"github.com/spf13/cobra":            {"cmd"},
	"github.com/schollz/progressbar":    {"cmd"},
	"go.uber.org/zap":                   {"cmd", "tests"},
}

// reserved says who may import a room for stores that nobody has open: nothing that
// runs does.
var reserved = map[string][]string{
	"internal/repair": {"internal/doctor", ""},
	"internal/doctor": {""},
}

// pure packages import the standard library, x/mod's notes, and our own ground.
var pure = []string{"internal/digest", "event", "internal/chunk", "internal/home", "internal/layout", "internal/naming", "internal/order", "internal/recovery", "internal/roster", "internal/seal", "internal/steward", "merkleindex", "mmrindex", "proof", "internal/sketch"}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range goList(t) {
		name := folder(p.ImportPath)
		row := rowOf(name)
		if row < 0 {
			t.Errorf("%s is in no row of the layer table", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !ours(imp) || folder(imp) == name {
				continue
			}
			if below := rowOf(folder(imp)); below >= row && sameRow[name] != folder(imp) {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, imp)
			}
		}
	}
}

func TestOutsideLibrariesHaveOneOwner(t *testing.T) {
	for _, p := range goList(t) {
		for _, imp := range p.Imports {
			for lib, allowed := range owners {
				if strings.HasPrefix(imp, lib) && !contains(allowed, folder(p.ImportPath)) {
					t.Errorf("%s imports %s, which belongs to %q", p.ImportPath, imp, allowed)
				}
			}
		}
	}
}

func TestNothingRunningRepairs(t *testing.T) {
	for _, p := range goList(t) {
		for _, imp := range p.Imports {
			if allowed, found := reserved[folder(imp)]; ours(imp) && found && !contains(allowed, folder(p.ImportPath)) {
				t.Errorf("%s imports %s, which is for closed stores", p.ImportPath, imp)
			}
		}
	}
}

func TestPurePackagesStayPure(t *testing.T) {
	for _, p := range goList(t) {
		if !contains(pure, folder(p.ImportPath)) {
			continue
		}
		for _, imp := range p.Imports {
			standard := !strings.Contains(strings.Split(imp, "/")[0], ".")
			if imp == "os" || imp == "net" || !standard && !ours(imp) && imp != "golang.org/x/mod/sumdb/note" && !contains(owners[imp], folder(p.ImportPath)) {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
	}
}

func goList(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// folder is what one of our packages is called in the table: the longest path
// that has a row, else its top folder; the root's is "".
func folder(path string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	for rest := name; rest != ""; rest, _ = cutLast(rest) {
		if rowOf(rest) >= 0 {
			return rest
		}
	}
	return strings.SplitN(name, "/", 2)[0]
}

// cutLast splits path before its last element.
func cutLast(path string) (dir, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

func rowOf(name string) int {
	for i, row := range layers {
		if contains(row, name) {
			return i
		}
	}
	return -1
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
