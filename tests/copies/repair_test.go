// SPDX-License-Identifier: MPL-2.0

package copies

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/transport"
)

// damage is done to a copy before it is opened.
var damages = map[string]func(t *testing.T, dir string){
	"FORMAT": func(t *testing.T, dir string) {
		overwrite(t, filepath.Join(dir, "FORMAT"), 40, []byte("#####"))
	},
	"a page": func(t *testing.T, dir string) {
		files, err := filepath.Glob(filepath.Join(dir, "logs/*/000000.seg"))
		if err != nil || len(files) == 0 {
			t.Fatal("no segments", err)
		}
		overwrite(t, files[0], 4096+2000, []byte("#####"))
	},
	"the AOF": func(t *testing.T, dir string) {
		b := make([]byte, 8192) // both of LMDB's meta pages
		overwrite(t, filepath.Join(dir, "aof/data.mdb"), 0, b)
	},
	"AOF and FORMAT": func(t *testing.T, dir string) {
		overwrite(t, filepath.Join(dir, "FORMAT"), 40, []byte("#####"))
		overwrite(t, filepath.Join(dir, "aof/data.mdb"), 0, make([]byte, 8192))
	},
	"AOF is gone, and FORMAT damaged": func(t *testing.T, dir string) {
		overwrite(t, filepath.Join(dir, "FORMAT"), 40, []byte("#####"))
		if err := os.Remove(filepath.Join(dir, "aof/data.mdb")); err != nil {
			t.Fatal(err)
		}
	},
}

func overwrite(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// A copy that is damaged is mended first, by a peer, and is a copy after it as
// before: the peer does not meet it under keys that are in use elsewhere.
func TestRepairAdoptsNoCopy(t *testing.T) {
	for name, do := range damages {
		t.Run(name, func(t *testing.T) {
			w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
			a, c := w.before(dir)
			a.sync(c)
			a.close()
			later()
			run(t, "cp", "-a", dir, dir+"copy")
			a = w.open(dir)
			a.say(100, "event %d of the first, while the copy lies there")
			a.sync(c)
			do(t, dir+"copy")

			var as []xaeroflux.PeerID
			r, err := xaeroflux.Repair(ctx, dir+"copy", xaeroflux.RepairOptions{
				From: []string{c.at}, Invites: []string{w.invite}, Offline: true,
				NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) {
					as = append(as, xaeroflux.PeerID(key.Public().(ed25519.PublicKey)))
					return w.net.NodeOf(key), nil
				},
			})
			if err != nil || !r.Clean() {
				t.Fatalf("repair: %+v, %v", r, err)
			}
			unknown := name == "AOF is gone, and FORMAT damaged" // whose it was
			if (r.Copy == "") != unknown {
				t.Errorf("the report says of a copy: %q", r.Copy)
			}
			for _, p := range as {
				if p == a.PeerID() {
					t.Error("the copy met a peer under the keys of the first")
				}
			}
			b := w.open(dir + "copy")
			if b.PeerID() == a.PeerID() || b.Head().Log == a.Head().Log {
				t.Fatal("the copy is what the first is")
			}
			a.say(10, "event %d of the first, afterwards")
			b.say(20, "event %d of the copy, afterwards")
			a.sync(c)
			b.sync(c)
			a.sync(c)
			w.wantSame(a, b, c)
			if !unknown {
				wantCopies(t, a, []*peer{b})
			}
		})
	}
}
