// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/sha256"
	_ "embed" // for the list
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Words are 256 random bits, shown to a person as 24 words of the English list
// of BIP39: 11 bits a word, the most significant first, and in the last eight
// bits the first eight of SHA-256 of the 32 bytes. Only the bits are used: there
// is no passphrase and no stretching.
//
// All of a person's keys can be had again from them: they derive the root KEM
// key, to which account secrets are boxed, and the whole home topic.
type Words struct{ Secret }

// WordCount is the number of words.
const WordCount = 24

// The errors of ParseWords. A *WordError is ErrWords, and so is ErrWordsChecksum.
var (
	ErrWords         = errors.New("not recovery words")
	ErrWordsChecksum = fmt.Errorf("%w: each is of the list, but together they do not fit: check for a word that is another one, or in another place", ErrWords)
)

// A WordError names a word that is not of the list.
type WordError struct {
	At   int      // its place, counted from 1
	Word string   // as it was given, in lower case; at most 32 bytes of it
	Near []string // words of the list that it may have been meant for
}

// Error implements error. It shows the one word only.
func (e *WordError) Error() string {
	s := fmt.Sprintf("%v: word %d, %q, is not of the list", ErrWords, e.At, e.Word)
	if len(e.Near) > 0 {
		s += ": perhaps " + strings.Join(e.Near, ", ")
	}
	return s
}

// Is makes every WordError an ErrWords.
func (e *WordError) Is(target error) bool { return target == ErrWords }

//go:embed english.txt
var englishText string

// english returns the list: 2048 words in alphabetical order.
var english = sync.OnceValue(func() []string { return strings.Fields(englishText) })

// NewWords returns words read from r, or from crypto/rand if r is nil.
func NewWords(r io.Reader) (Words, error) {
	s, err := NewSecret(r)
	return Words{s}, err
}

// Phrase returns the 24 words with a space between, secret and all.
func (w Words) Phrase() string {
	sum := sha256.Sum256(w.Secret[:])
	b := append(w.Secret[:], sum[0])
	words := make([]string, WordCount)
	for i := range words {
		words[i] = english()[bits11(b, i)]
	}
	return strings.Join(words, " ")
}

// bits11 returns the i-th eleven bits of b.
func bits11(b []byte, i int) (n int) {
	for bit := 11 * i; bit < 11*i+11; bit++ {
		n = n<<1 | int(b[bit/8]>>(7-bit%8)&1)
	}
	return n
}

// ParseWords decodes a phrase. Upper case and any white space between the words
// do no harm.
func ParseWords(phrase string) (Words, error) {
	fields := strings.Fields(strings.ToLower(phrase))
	if len(fields) != WordCount {
		return Words{}, fmt.Errorf("%w: %d words, want %d", ErrWords, len(fields), WordCount)
	}
	var b [KeyBytes + 1]byte
	for i, f := range fields {
		n, ok := slices.BinarySearch(english(), f)
		if !ok {
			return Words{}, &WordError{At: i + 1, Word: f[:min(len(f), 32)], Near: nearest(f)}
		}
		for j := range 11 {
			bit := 11*i + j
			b[bit/8] |= byte(n>>(10-j)&1) << (7 - bit%8)
		}
	}
	if sum := sha256.Sum256(b[:KeyBytes]); sum[0] != b[KeyBytes] {
		return Words{}, ErrWordsChecksum
	}
	return Words{Secret(b[:KeyBytes])}, nil
}

// nearest returns the words of the list that differ least from word, at most
// four, or none if all differ much.
func nearest(word string) (near []string) {
	if len(word) > 16 {
		return nil
	}
	best := 3
	for _, w := range english() {
		switch d := editDistance(word, w); {
		case d < best:
			best, near = d, []string{w}
		case d == best && len(near) > 0 && len(near) < 4:
			near = append(near, w)
		}
	}
	return near
}

// editDistance returns how many letters to add, drop, change, or swap with
// their neighbour make b of a.
func editDistance(a, b string) int {
	last, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], last[j-1]+1)
			}
		}
		last, row, next = row, next, last
	}
	return row[len(b)]
}
