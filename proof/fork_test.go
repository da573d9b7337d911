// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// testFork is the fork of a log whose author signed other events from event 3
// on: heads of two sizes, the larger one proven.
func testFork(old, size int) Fork {
	key, author := testKey("author")
	topic := digest.Sum([]byte("topic"))
	name := identity.DataLog(topic, [32]byte(author), 4096)
	log := name.ID()
	truth, lie := newTree(size), newTree(old)
	for i := min(3, old-1); i < old; i++ {
		lie.leaves[i] = digest.Sum([]byte(fmt.Sprint("lie ", i)))
	}
	a := Sign(key, log, uint64(old), lie.root(0, old))
	b := Sign(key, log, uint64(size), truth.root(0, size))
	var hashes []digest.Hash
	if old < size {
		hashes = truth.consistency(old, 0, size, true)
	}
	return NewFork(name, a, b, truth.root(0, old), hashes)
}

// Every fork of logs of up to 20 events verifies, as it is and from its text.
func TestFork(t *testing.T) {
	for size := 1; size <= 20; size++ {
		for old := 1; old <= size; old++ {
			f := testFork(old, size)
			if err := f.Verify(); err != nil {
				t.Fatalf("%d and %d: %v", old, size, err)
			}
			text := f.Encode()
			got, err := ParseFork(text)
			if err != nil || !reflect.DeepEqual(got, f) || !IsFork(text) {
				t.Fatalf("%d and %d: parsed %+v, %v, want %+v", old, size, got, err, f)
			}
			swapped := NewFork(f.LogName, f.New, f.Old, f.Root, f.Hashes)
			if !bytes.Equal(swapped.Encode(), text) {
				t.Errorf("%d and %d: another proof where the heads come in another order", old, size)
			}
		}
	}
}

// Somebody with only golang.org/x/mod/sumdb can check every part of a fork file.
func TestForkWithoutUs(t *testing.T) {
	f := testFork(5, 11)
	parts := strings.SplitN(string(f.Encode()), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	at := strings.Index(parts[1], "\n\nxaeroflux/") // where the second note begins
	v, err := note.NewVerifier(strings.TrimPrefix(lines[4], "key "))
	if err != nil {
		t.Fatal(err)
	}
	var sizes [2]int64
	var roots [2]tlog.Hash
	for i, text := range []string{parts[1][:at+1], parts[1][at+2:]} {
		n, err := note.Open([]byte(text), note.VerifierList(v))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Split(n.Text, "\n")
		if fields[0] != v.Name() {
			t.Errorf("head %d is of %q, the key of %q", i, fields[0], v.Name())
		}
		if _, err := fmt.Sscan(fields[1], &sizes[i]); err != nil {
			t.Fatal(err)
		}
		if roots[i], err = tlog.ParseHash(fields[2]); err != nil {
			t.Fatal(err)
		}
	}
	was, err := tlog.ParseHash(strings.TrimPrefix(lines[5], "root "))
	if err != nil {
		t.Fatal(err)
	}
	var tree tlog.TreeProof
	for _, line := range lines[6:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, h)
	}
	if err := tlog.CheckTree(tree, sizes[1], roots[1], sizes[0], was); err != nil {
		t.Errorf("the larger tree does not have that root: %v", err)
	}
	if was == roots[0] {
		t.Error("the heads do not contradict each other")
	}
}

func TestForkRefused(t *testing.T) {
	for _, c := range []struct {
		what  string
		want  error
		spoil func(*Fork)
	}{
		{"forged old signature", ErrSignature, func(f *Fork) { f.Old.Sig[3] ^= 1 }},
		{"forged new signature", ErrSignature, func(f *Fork) { f.New.Sig[3] ^= 1 }},
		{"another's signature", ErrSignature, func(f *Fork) {
			key, _ := testKey("stranger")
			f.New = Sign(key, f.New.Log, f.New.Size, f.New.Root)
		}},
		{"another topic", ErrHead, func(f *Fork) { f.Topic[0] ^= 1 }},
		{"another page size", ErrHead, func(f *Fork) { f.PageBytes = 8192 }},
		{"another author", ErrHead, func(f *Fork) {
			_, author := testKey("stranger")
			f.Author = [32]byte(author)
		}},
		{"author of small order", ErrKey, func(f *Fork) { f.Author = [32]byte{1} }},
		{"another log", ErrHead, func(f *Fork) { f.New.Log[0] ^= 1 }},
		{"the same head twice", ErrFork, func(f *Fork) { f.Old, f.Root, f.Hashes = f.New, f.New.Root, nil }},
		{"an honest head", ErrFork, func(f *Fork) {
			key, _ := testKey("author")
			f.Old = Sign(key, f.Old.Log, f.Old.Size, f.Root)
		}},
		{"a head of nothing", ErrFork, func(f *Fork) {
			key, _ := testKey("author")
			f.Old, f.Root, f.Hashes = Sign(key, f.Old.Log, 0, digest.Empty), digest.Empty, nil
		}},
		{"a root it has not", ErrProof, func(f *Fork) { f.Root[0] ^= 1 }},
		{"a hash changed", ErrProof, func(f *Fork) { f.Hashes[0][0] ^= 1 }},
		{"a hash missing", ErrProof, func(f *Fork) { f.Hashes = f.Hashes[1:] }},
		{"a hash too many", ErrProof, func(f *Fork) { f.Hashes = append(f.Hashes, digest.Hash{}) }},
		{"heads the wrong way round", ErrProof, func(f *Fork) { f.Old, f.New = f.New, f.Old }},
	} {
		f := testFork(5, 11)
		c.spoil(&f)
		if err := f.Verify(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	f := testFork(6, 6)
	f.Old, f.New, f.Root = f.New, f.Old, f.Old.Root
	if err := f.Verify(); !errors.Is(err, ErrFork) {
		t.Errorf("heads of one size in the other order: %v", err)
	}
}

func TestParseForkRefused(t *testing.T) {
	text := string(testFork(5, 11).Encode())
	for _, c := range []struct{ what, old, new string }{
		{"another version", "fork v2", "fork v1"},
		{"a log of another kind", "log 0 0", "log 3 0"},
		{"a log without a number", "log 0 0", "log 0"},
		{"a number with a zero before", "log 0 0", "log 0 00"},
		{"page with a zero before", "page 4096", "page 04096"},
		{"page too large", "page 4096", "page 4294967296"},
		{"no topic", "topic ", "Topic "},
		{"key of another log", "key xaeroflux/", "key xaeroflux/0"},
		{"a third signature", "\n\nxaeroflux/", "\n— x abcd\n\nxaeroflux/"},
		{"carriage returns", "\npage", "\r\npage"},
		{"space at the end", "\npage", " \npage"},
	} {
		bad := strings.Replace(text, c.old, c.new, 1)
		if bad == text {
			t.Fatalf("%s: nothing changed", c.what)
		}
		if _, err := ParseFork([]byte(bad)); !errors.Is(err, ErrForkFile) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	long := strings.Replace(text, "root ", strings.Repeat("\n", MaxFork)+"root ", 1)
	many := testFork(5, 11)
	many.Hashes = make([]digest.Hash, maxForkHashes+1)
	for i, bad := range [][]byte{nil, []byte(text[1:]), []byte(text + "\n"), []byte(text[:len(text)-1]), []byte(long), many.Encode()} {
		if _, err := ParseFork(bad); !errors.Is(err, ErrForkFile) {
			t.Errorf("text %d: %v", i, err)
		}
	}
}

func FuzzParseFork(f *testing.F) {
	f.Add(testFork(5, 11).Encode())
	f.Add(testFork(1, 1).Encode())
	f.Add([]byte(forkMagic + "\n\n\n\n\n\n\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fork, err := ParseFork(text)
		if err != nil {
			if !errors.Is(err, ErrForkFile) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if !bytes.Equal(fork.Encode(), text) {
			t.Fatalf("parsed, and written as\n%s", fork.Encode())
		}
		fork.Verify()
	})
}

func ExampleFork_Verify() {
	f := testFork(5, 11)
	fmt.Println(f.Verify(), f.Old.Size, f.New.Size)
	// Output: <nil> 5 11
}
