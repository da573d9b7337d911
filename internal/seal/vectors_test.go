// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

const vectorFile = "../../tests/testdata/vectors/seal.json"

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

type vectorRef struct {
	Log  hexBytes `json:"log"`
	Seen uint64   `json:"seen"`
}

type vectorPayload struct {
	Secret, Epoch, Log, Nonce hexBytes
	Hide                      bool
	Type, Key, Payload, ID    hexBytes
	Refs                      []vectorRef
	DerivedKey                hexBytes `json:"derived_key"`
	AAD, Plaintext, Sealed    hexBytes
}

// A vectorRefused is a payload that does not open in its place; of those that are
// sealed as they should be, the plaintext is there.
type vectorRefused struct {
	What                      string
	Secret, Epoch, Log, Nonce hexBytes
	Hide                      bool
	Type, Key                 hexBytes
	Plaintext, Sealed         hexBytes
}

type vectorKEM struct{ Seed, Public hexBytes }

type vectorEpoch struct {
	Secret  hexBytes
	Number  uint64
	JoinKey hexBytes `json:"join_key"`
	Readers []struct {
		vectorKEM
		ID   hexBytes
		Kind uint8
	}
	JoinHash digest.Hash `json:"join_hash"`
	Digest   digest.Hash `json:"readers_digest"`
	Epoch    digest.Hash
}

type vectorStep struct {
	Secret       hexBytes
	Epoch        digest.Hash
	Parent       digest.Hash
	ParentSecret hexBytes `json:"parent_secret"`
	Nonce        hexBytes
	DerivedKey   hexBytes `json:"derived_key"`
	Step         hexBytes
}

type vectorBox struct {
	vectorKEM
	Topic                            digest.Hash
	Kind                             uint8
	Number                           uint64
	Recipient, Plaintext, Info, Body hexBytes
}

type vectors struct {
	Padded   [][2]int
	Keys     []vectorKEM
	Epochs   []vectorEpoch
	Steps    []vectorStep
	Payloads []vectorPayload
	Boxes    []vectorBox
	Inside   []vectorRefused `json:"refused_inside"`
	Outside  []vectorRefused `json:"refused_outside"`
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	readJSON(t, vectorFile, &v)
	if len(v.Padded) == 0 || len(v.Keys) == 0 || len(v.Epochs) == 0 || len(v.Steps) == 0 || len(v.Payloads) == 0 || len(v.Boxes) == 0 {
		t.Fatal("vectors are missing")
	}
	return v
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func wantBytes(t *testing.T, what string, i int, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s %d: %x, want %x", what, i, got, want)
	}
}

func (v *vectorPayload) at() at {
	return at{Secret(v.Secret), digest.Hash(v.Epoch), digest.Hash(v.Log)}
}

func (v *vectorPayload) plain() Plain {
	p := Plain{Type: v.Type, Key: v.Key, Payload: v.Payload}
	if len(v.ID) > 0 {
		p.ID = (*[IDBytes]byte)(v.ID)
	}
	if len(v.Refs) > 0 {
		p.Refs = []byte{byte(len(v.Refs))}
		for _, r := range v.Refs {
			p.Refs = appendRef(p.Refs, r)
		}
	}
	return p
}

func appendRef(b []byte, r vectorRef) []byte {
	b = append(b, r.Log...)
	for ; r.Seen >= 128; r.Seen /= 128 {
		b = append(b, byte(r.Seen%128+128))
	}
	return append(b, byte(r.Seen))
}

func TestPaddedVectors(t *testing.T) {
	for _, v := range readVectors(t).Padded {
		if got := padded(v[0]); got != v[1] {
			t.Errorf("%d bytes are padded to %d, want %d", v[0], got, v[1])
		}
	}
}

func TestPayloadVectors(t *testing.T) {
	for i, v := range readVectors(t).Payloads {
		p := v.plain()
		if err := p.check([shortID]byte(v.Log)); err != nil {
			t.Fatal(err)
		}
		inner := p.encode(nil, v.Hide)
		wantBytes(t, "plaintext", i, inner, v.Plaintext)
		wantBytes(t, "clear part", i, p.Clear(v.Hide).data(), v.AAD)
		wantBytes(t, "key", i, expand(Secret(v.Secret), labelSeal, v.Epoch, v.Log), v.DerivedKey)
		wantBytes(t, "sealed", i, v.at().twinSeal(v.Nonce, inner, v.AAD), v.Sealed)
		if got, err := v.at().key().Open(p.Clear(v.Hide), v.Sealed); err != nil || !samePlain(got, p) {
			t.Errorf("payload %d opens as %+v, %v", i, got, err)
		}
	}
}

// A payload whose inside is not laid out as the format says, and one that is
// opened in another place, are unreadable.
func TestRefusedPayloadVectors(t *testing.T) {
	v := readVectors(t)
	for _, x := range append(v.Inside, v.Outside...) {
		a := at{Secret(x.Secret), digest.Hash(x.Epoch), digest.Hash(x.Log)}
		c := Clear{clearPayload, x.Type, x.Key}
		if x.Hide {
			c.Flags = clearNothing
		}
		if len(x.Plaintext) > 0 && !bytes.Equal(a.twinSeal(x.Nonce, x.Plaintext, c.data()), x.Sealed) {
			t.Errorf("%s: it is sealed in another way", x.What)
		}
		if got, err := a.key().Open(c, x.Sealed); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %+v, %v", x.What, got, err)
		}
	}
	if len(v.Inside) < 35 || len(v.Outside) < 15 {
		t.Errorf("%d payloads are refused for their inside, %d for their place", len(v.Inside), len(v.Outside))
	}
}

func TestKEMVectors(t *testing.T) {
	for i, v := range readVectors(t).Keys {
		wantBytes(t, "public key", i, NewPrivateKey(Secret(v.Seed)).Public()[:], v.Public)
	}
}

func (v *vectorEpoch) readers() (all []Reader) {
	for _, r := range v.Readers {
		all = append(all, Reader{Recipient(r.ID), r.Kind, (*PublicKey)(r.Public)})
	}
	return all
}

func TestEpochVectors(t *testing.T) {
	for i, v := range readVectors(t).Epochs {
		got, err := NewInfo(v.Number, Secret(v.Secret), Secret(v.JoinKey), v.readers())
		if want := (Info{v.Epoch, v.Number, v.JoinHash, v.Digest}); err != nil || got != want {
			t.Errorf("epoch %d: %+v, want %+v, %v", i, got, want, err)
		}
	}
}

func TestStepVectors(t *testing.T) {
	v := readVectors(t)
	for i, s := range v.Steps {
		p := v.Epochs[i]
		parent := Info{p.Epoch, p.Number, p.JoinHash, p.Digest}
		key := expand(Secret(s.Secret), labelChain, s.Epoch[:])
		wantBytes(t, "key", i, key, s.DerivedKey)
		step := append(bytes.Clone(s.Nonce), twinGCM(key).Seal(nil, s.Nonce, s.ParentSecret, append(s.Parent[:], s.Epoch[:]...))...)
		wantBytes(t, "step", i, step, s.Step)
		got, err := OpenStep((*Step)(s.Step), Secret(s.Secret), s.Epoch, &parent)
		if err != nil || !bytes.Equal(got[:], s.ParentSecret) {
			t.Errorf("step %d: %x, %v", i, got[:], err)
		}
	}
}

func TestBoxVectors(t *testing.T) {
	for i, v := range readVectors(t).Boxes {
		b, err := DecodeBox(v.Body)
		if err != nil || b.Kind != v.Kind || b.Epoch != v.Number || !bytes.Equal(b.Recipient[:], v.Recipient) {
			t.Fatalf("box %d: %+v, %v", i, b, err)
		}
		wantBytes(t, "info", i, b.info(v.Topic), v.Info)
		got, err := opened(&b, NewPrivateKey(Secret(v.Seed)), v.Topic)
		if err != nil {
			t.Errorf("box %d: %v", i, err)
		}
		wantBytes(t, "box", i, got, v.Plaintext)
		again, err := AppendBox(nil, &b)
		if err != nil {
			t.Error(err)
		}
		wantBytes(t, "body", i, again, v.Body)
	}
}
