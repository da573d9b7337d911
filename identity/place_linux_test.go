// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// What people do with directories, and whether the line that a store keeps in
// one finds it out.
func TestRealPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		do    string // a is the store; what is looked at afterwards is at b
		moved bool
	}{
		"nothing":                 {"ln -s a b", false},
		"renamed":                 {"mv a b", false},
		"copied":                  {"cp -a a b", true},
		"copied over":             {"mkdir b; cp -a a/. b", true},
		"restored in place":       {"cp -a a c; sleep 0.01; rm -rf a; cp -a c a; ln -s a b", true},
		"contents restored":       {"cp -a a c; sleep 0.01; rm -rf a/aof; cp -a c/. a; ln -s a b", true},
		"packed and unpacked":     {"tar cf t a; mkdir b; tar xf t -C b --strip-components 1", true},
		"modes and times changed": {"chmod 700 a; touch -d 2020-01-01 a a/aof/data.mdb; ln -s a b", false},
		"written to":              {"echo more >> a/aof/data.mdb; touch a/new; ln -s a b", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "a", "aof"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "a", "aof", "data.mdb"), []byte("data"), 0o600); err != nil {
				t.Fatal(err)
			}
			was, err := ParsePlace(placeAt(t, dir, "a").Encode())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond) // births are told in ticks of the clock
			sh := exec.Command("sh", "-ec", c.do)
			sh.Dir = dir
			if out, err := sh.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", c.do, err, out)
			}
			same, why := was.Same(placeAt(t, dir, "b"))
			if same == c.moved {
				t.Errorf("%s: same %v, %q", c.do, same, why)
			}
			t.Logf("same %v %s", same, why)
		})
	}
}

func placeAt(t *testing.T, dir, name string) Place {
	t.Helper()
	w, err := durable.ReadWhereabouts(filepath.Join(dir, name), "aof/data.mdb")
	if err != nil {
		t.Fatal(err)
	}
	if w.Dir.Born == 0 {
		t.Skip("no birth times here")
	}
	return PlaceOf("", w)
}
