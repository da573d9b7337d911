// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"testing/iotest"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %x, want %x", what, got, want)
	}
}

// pointVectors is testdata/points.json, whose note says where it comes from.
type pointVectors struct {
	Note    string
	Valid   struct{ S, X, Product hexBytes }
	Invalid []struct {
		Why string
		Y   hexBytes
	}
}

func readPoints(t *testing.T) (v pointVectors) {
	t.Helper()
	readJSON(t, "testdata/points.json", &v)
	if len(v.Invalid) != 31 {
		t.Fatalf("%d invalid points", len(v.Invalid))
	}
	return v
}

// The draft's product of a point, and what must lead to an abort: its two, and
// all encodings that RFC 9496 calls invalid.
func TestScalarMultVerify(t *testing.T) {
	v := readPoints(t)
	s, err := decodeScalar([scalarBytes]byte(v.Valid.S))
	if err != nil {
		t.Fatal(err)
	}
	k, err := scalarMultVerify(&s, share(v.Valid.X))
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "product", k[:], v.Valid.Product)
	for _, x := range v.Invalid {
		if k, err := scalarMultVerify(&s, share(x.Y)); !errors.Is(err, ErrShare) || k != (share{}) {
			t.Errorf("%s: %x gives %x, %v", x.Why, x.Y, k, err)
		}
	}
}

// A scalar has no bits above the 252nd, is not zero, and takes 32 bytes.
func TestSampleScalar(t *testing.T) {
	y, err := sampleScalar(bytes.NewReader(bytes.Repeat([]byte{0xff}, scalarBytes)))
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{0xff}, scalarBytes)
	want[scalarBytes-1] = 0x0f
	wantBytes(t, "scalar", y.s.Bytes(), want)
	high := make([]byte, scalarBytes)
	high[scalarBytes-1] = 0xf0 // nothing is left of it
	for _, r := range []struct {
		what string
		b    []byte
	}{{"zeros", make([]byte, scalarBytes)}, {"masked bits only", high}, {"31 bytes", want[:scalarBytes-1]}} {
		if _, err := sampleScalar(bytes.NewReader(r.b)); !errors.Is(err, ErrRandom) {
			t.Errorf("%s: %v", r.what, err)
		}
	}
	broken := errors.New("broken")
	if _, err := sampleScalar(iotest.ErrReader(broken)); !errors.Is(err, ErrRandom) || !errors.Is(err, broken) {
		t.Error(err)
	}
}
