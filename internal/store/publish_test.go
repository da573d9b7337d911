// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/messages"
)

// commitTo commits one event and publishes what its log came to.
func commitTo(t *testing.T, s *Store, c *Committer, l *Log, payload string) {
	t.Helper()
	made, err := c.Commit(&Work{Appends: []*messages.Append{appendOf(l.ID, payload)}})
	must(t, err)
	_, err = s.Publish(made.Advance)
	must(t, err)
}

// A head that a key signed which was hurt in memory is shown to nobody.
func TestAHurtKeySignsNothing(t *testing.T) {
	s, l := openWithFault(t, nil)
	commitTo(t, s, s.NewCommitter(), l, "one")
	key := l.key
	derived, err := key()
	must(t, err)
	hurt := signer{slices.Clone(derived.key), derived.sum}
	hurt.key[3] ^= 1
	l.key = func() (*signer, error) { return &hurt, nil }
	if h, err := l.Head(l.State()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("shown is %+v, %v", h, err)
	}
	if _, _, err := (Source{s}).Log(l.ID); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a session is told of the log: %v", err)
	}
	if h, ok := l.EmptyHead(); ok {
		t.Errorf("and of the empty log %+v", h)
	}
	if h := l.newestSigned(); h.Size != 0 {
		t.Errorf("and %+v would be stored", h)
	}
	l.key = key
	if h, err := l.Head(l.State()); err != nil || h.Size != 1 {
		t.Errorf("with the key as it is: %+v, %v", h, err)
	}
}

// A head of ours is signed once, when somebody asks for it, and stored with the next
// events or when the store is closed.
func TestAHeadIsSignedWhenAskedFor(t *testing.T) {
	s, l := openWithFault(t, nil)
	c := s.NewCommitter()
	commitTo(t, s, c, l, "one")
	one, err := l.Head(l.State())
	must(t, err)
	must(t, one.Verify(l.AuthorKey()))
	key := l.key
	l.key = func() (*signer, error) { return nil, nil } // whoever signs panics
	if again, err := l.Head(l.State()); again != one || err != nil {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	commitTo(t, s, c, l, "two")
	commitTo(t, s, c, l, "three")
	if h := l.Row().Head(); h != one {
		t.Errorf("with the next events is stored %+v", h)
	}
	l.key = key
	_, err = c.Close(&Work{})
	must(t, err)
	row, err := s.rowOf(l.ID)
	must(t, err)
	if h := row.Head(); h.Size != 3 || h.Verify(l.AuthorKey()) != nil {
		t.Errorf("when it was closed: %+v", h)
	}
}
