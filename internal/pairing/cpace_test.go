// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"testing"
)

// cpaceVectors is testdata/cpace-ristr255-sha512.json, whose note says where it
// comes from.
type cpaceVectors struct {
	Note       string
	PrependLen [][2]hexBytes `json:"prepend_len"`
	LVCat      struct {
		Parts []hexBytes
		Out   hexBytes
	} `json:"lv_cat"`
	GeneratorString hexBytes `json:"generator_string"`
	GeneratorHash   hexBytes `json:"generator_hash"`
	TranscriptIR    hexBytes `json:"transcript_ir"`
	Run             struct {
		PRS, CI, SID, G, K hexBytes
		ScalarA            hexBytes `json:"ya"`
		ShareA             hexBytes `json:"Ya"`
		ScalarB            hexBytes `json:"yb"`
		ShareB             hexBytes `json:"Yb"`
		ADa, ADb           hexBytes
		IntermediateKey    hexBytes `json:"ISK_IR"`
	}
}

func readCPace(t *testing.T) (v cpaceVectors) {
	t.Helper()
	readJSON(t, "testdata/cpace-ristr255-sha512.json", &v)
	return v
}

func TestStringsOfTheDraft(t *testing.T) {
	v := readCPace(t)
	if len(v.PrependLen) != 4 {
		t.Fatalf("%d lengths", len(v.PrependLen))
	}
	for _, x := range v.PrependLen {
		wantBytes(t, "prepend_len", lvCat(x[0]), x[1])
	}
	var parts [][]byte
	for _, p := range v.LVCat.Parts {
		parts = append(parts, p)
	}
	wantBytes(t, "lv_cat", lvCat(parts...), v.LVCat.Out)
}

func TestGeneratorOfTheDraft(t *testing.T) {
	v := readCPace(t)
	s := generatorString(v.Run.PRS, v.Run.CI, v.Run.SID)
	wantBytes(t, "generator string", s, v.GeneratorString)
	sum := sha512.Sum512(s)
	wantBytes(t, "hash", sum[:], v.GeneratorHash)
	g := calculateGenerator(v.Run.PRS, v.Run.CI, v.Run.SID)
	wantBytes(t, "generator", g.e.Bytes(), v.Run.G)
}

// A password that fills the first block leaves no room for zeros, and one that is
// longer is no error.
func TestGeneratorStringOfLongPasswords(t *testing.T) {
	for n, zeros := range map[int]int{0: 108, 6: 102, 107: 1, 108: 0, 109: 0, 500: 0} {
		prs := bytes.Repeat([]byte{'p'}, n)
		want := lvCat([]byte("CPaceRistretto255"), prs, make([]byte, zeros), []byte("ci"), []byte("sid"))
		wantBytes(t, "generator string", generatorString(prs, []byte("ci"), []byte("sid")), want)
	}
}

// Shares, K and ISK of the draft, from both ends.
func TestRunOfTheDraft(t *testing.T) {
	v := readCPace(t).Run
	g := calculateGenerator(v.PRS, v.CI, v.SID)
	a, b := turn{ad: v.ADa}, turn{ad: v.ADb}
	ya, yb := mustScalar(t, v.ScalarA), mustScalar(t, v.ScalarB)
	a.share, b.share = scalarMult(&ya, &g), scalarMult(&yb, &g)
	wantBytes(t, "Ya", a.share[:], v.ShareA)
	wantBytes(t, "Yb", b.share[:], v.ShareB)
	wantBytes(t, "transcript", slices.Concat(a.encoded(), b.encoded()), readCPace(t).TranscriptIR)
	for _, end := range []struct {
		y    scalar
		peer share
	}{{ya, b.share}, {yb, a.share}} {
		k, err := scalarMultVerify(&end.y, end.peer)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "K", k[:], v.K)
		isk := intermediateKey(v.SID, k, &a, &b)
		wantBytes(t, "ISK", isk[:], v.IntermediateKey)
	}
}

func mustScalar(t *testing.T, b []byte) scalar {
	t.Helper()
	y, err := decodeScalar([scalarBytes]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// The tags by which both ends confirm the key of the draft's run.
func TestConfirmationTags(t *testing.T) {
	var v struct {
		Note   string
		Key    hexBytes `json:"mac_key"`
		Ta, Tb hexBytes
	}
	readJSON(t, "testdata/confirmation.json", &v)
	run := readCPace(t).Run
	key := confirmationKey(run.SID, (*[iskBytes]byte)(run.IntermediateKey))
	wantBytes(t, "key", key[:], v.Key)
	ta := confirmationTag(&key, &turn{share(run.ShareA), run.ADa})
	wantBytes(t, "Ta", ta[:], v.Ta)
	tb := confirmationTag(&key, &turn{share(run.ShareB), run.ADb})
	wantBytes(t, "Tb", tb[:], v.Tb)
}
