// SPDX-License-Identifier: MPL-2.0

package copies

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A signer holds what was ever signed of each log, over all stores and crashes.
type signer map[digest.Hash]map[uint64]digest.Hash

func (s signer) saw(t *testing.T, h proof.Head) {
	t.Helper()
	if h.Size == 0 {
		return
	}
	if s[h.Log] == nil {
		s[h.Log] = map[uint64]digest.Hash{}
	}
	if root, ok := s[h.Log][h.Size]; ok && root != h.Root {
		t.Errorf("log %s: two heads of %d events", h.Log.Short(), h.Size)
	}
	s[h.Log][h.Size] = h.Root
}

// saw takes note of every head that a store could show to anybody.
func (s signer) sawStore(t *testing.T, dir string) (device string) {
	t.Helper()
	st, err := store.Open(dir, store.Options{MapBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, topic := range st.Topics() {
		own := 0
		for l, err := range st.TopicLogs(topic.ID) {
			if err != nil {
				t.Fatal(err)
			}
			head, err := l.Head(l.State())
			if err != nil {
				t.Fatal(err)
			}
			s.saw(t, head)
			if l.Own {
				own++
			}
		}
		if own != 1 {
			t.Errorf("%s writes %d logs of a topic", dir, own)
		}
	}
	return st.Device().PeerID().String()
}

// Opening a copy is stopped before and after each write that it makes. Opening it
// again ends well, and no key ever signs two histories, whatever the first store
// does meanwhile.
func TestCrashWhileTurning(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("adopt=%v,after=%v", adopt, after), func(t *testing.T) { crashTurning(t, adopt, after) })
		}
	}
}

func crashTurning(t *testing.T, adopt, after bool) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	was := a.PeerID().String()
	a.close()
	later()
	signed, turned := signer{}, map[int]string{}
	const most = 60
	points := 0
	for n := 0; n < most; n++ {
		copied := fmt.Sprintf("%s%d", dir, n)
		run(t, "cp", "-a", dir, copied)
		crashed := openCrashing(t, copied, adopt, n, after)
		self := signed.sawStore(t, copied)
		if again := signed.sawStore(t, copied); again != self {
			t.Errorf("stopped at write %d: it is another device each time it is opened", n)
		}
		// One that was to be adopted, and was not yet, is a copy.
		if same := self == was; same && !adopt {
			t.Errorf("stopped at write %d: it is still the device that was copied", n)
		}
		turned[n] = self
		b := w.open(copied)
		if adopt { // it has the keys of the first, which is in use
			b.close()
		} else {
			b.say(2, fmt.Sprintf("event %%d of copy %d", n))
			b.sync(c)
			signed.saw(t, proof.Head{Log: digest.Hash(b.Head().Log), Size: b.Head().Size, Root: digest.Hash(b.Head().Root)})
			b.close()
		}
		if points = n; !crashed {
			break
		}
	}
	if points < 5 || points == most-1 {
		t.Errorf("%d writes were stopped", points)
	}
	if last := turned[points]; adopt && last != was {
		t.Error("one that was adopted without a crash is another device")
	}
	a = w.open(dir)
	a.say(50, "event %d of the first")
	a.sync(c)
	w.wantSame(a, c)
	t.Logf("stopped at each of %d writes", points)
}

// openCrashing opens a store, of which the n-th write, or all behind it, and
// everything later fails.
func openCrashing(t *testing.T, dir string, adopt bool, n int, after bool) (crashed bool) {
	t.Helper()
	writes, down := 0, false
	hit := func() error {
		if down {
			return durable.ErrCrashed
		}
		if writes++; writes > n {
			down = true
			if !after {
				return durable.ErrCrashed
			}
		}
		return nil
	}
	o := store.Options{
		MapBytes: 1 << 20, Adopt: adopt,
		FS: durable.NewFaulty(durable.OS, func(op durable.Op, _ string) error {
			if !op.Mutates() {
				return nil
			}
			return hit()
		}),
		Fault: func(string) error { return hit() }, // before a commit, and after it
	}
	s, err := store.Open(dir, o)
	if s != nil {
		_ = s.Close()
	}
	if err != nil && !errors.Is(err, durable.ErrCrashed) {
		t.Fatalf("write %d: %v", n, err)
	}
	return down
}
