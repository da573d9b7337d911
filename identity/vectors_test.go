// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func (h hexBytes) key() [KeyBytes]byte { return [KeyBytes]byte(h) }

type vectors struct {
	Topics []struct {
		Key, Binding  hexBytes
		ID            digest.Hash
		ContentKey    hexBytes `json:"content_key"`
		ProofDialer   hexBytes `json:"proof_dialer"`
		ProofListener hexBytes `json:"proof_listener"`
		Logs          uint64
		Digest        digest.Hash
		StateDialer   hexBytes `json:"state_dialer"`
		StateListener hexBytes `json:"state_listener"`
	}
	Seeds []struct {
		Seed    hexBytes
		PeerID  string `json:"peer_id"`
		Topic   digest.Hash
		Author  hexBytes
		Witness hexBytes
		File    string
	}
	Logs []struct {
		Topic     digest.Hash
		Author    hexBytes
		PageBytes uint32 `json:"page_bytes"`
		Log       digest.Hash
	}
	Invites []struct {
		Key    hexBytes
		Name   string
		Peers  []string
		Invite string
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../tests/testdata/vectors/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Topics) == 0 || len(v.Seeds) == 0 || len(v.Logs) == 0 || len(v.Invites) == 0 {
		t.Fatal("vectors are missing")
	}
	return v
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %x, want %x", what, got, want)
	}
}

func TestTopicVectors(t *testing.T) {
	for _, v := range readVectors(t).Topics {
		k := TopicKey(v.Key)
		id, content := k.ID(), k.ContentKey()
		dialer, listener := k.JoinProof(v.Binding, true), k.JoinProof(v.Binding, false)
		wantBytes(t, "id", id[:], v.ID[:])
		wantBytes(t, "content key", content[:], v.ContentKey)
		wantBytes(t, "proof of the dialer", dialer[:], v.ProofDialer)
		wantBytes(t, "proof of the listener", listener[:], v.ProofListener)
		set := digest.Set{Count: v.Logs, Sum: v.Digest}
		stated, other := k.StateMark(v.Binding, true, set), k.StateMark(v.Binding, false, set)
		wantBytes(t, "state of the dialer", stated[:], v.StateDialer)
		wantBytes(t, "state of the listener", other[:], v.StateListener)
	}
}

func TestSeedVectors(t *testing.T) {
	for _, v := range readVectors(t).Seeds {
		s := Seed(v.Seed)
		wantBytes(t, "witness", s.WitnessKey(v.Topic).Public().(ed25519.PublicKey), v.Witness)
		wantBytes(t, "author", s.AuthorKey(v.Topic).Public().(ed25519.PublicKey), v.Author)
		if s.PeerID().String() != v.PeerID {
			t.Errorf("peer id %v, want %s", s.PeerID(), v.PeerID)
		}
		wantBytes(t, "peer key", s.PeerKey().Public().(ed25519.PublicKey), s.PeerID().PublicKey())
		path := filepath.Join(t.TempDir(), "identity.key")
		if err := os.WriteFile(path, []byte(v.File), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadSeed(path); err != nil || got != s {
			t.Errorf("seed file: %x, %v", got[:], err)
		}
		wantBytes(t, "seed file", encodeSeed(s), []byte(v.File))
	}
}

func TestLogVectors(t *testing.T) {
	for _, v := range readVectors(t).Logs {
		if got := LogID(v.Topic, v.Author.key(), v.PageBytes); got != v.Log {
			t.Errorf("log of %d byte pages: %v, want %v", v.PageBytes, got, v.Log)
		}
	}
}

func TestInviteVectors(t *testing.T) {
	for _, v := range readVectors(t).Invites {
		want := Invite{Key: TopicKey(v.Key), Name: v.Name}
		for _, p := range v.Peers {
			a, err := ParseAddress(p)
			if err != nil {
				t.Fatal(err)
			}
			want.Peers = append(want.Peers, a)
		}
		if got := want.String(); got != v.Invite {
			t.Errorf("encoded %s\n   want %s", got, v.Invite)
		}
		got, err := ParseInvite(v.Invite)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("decoded %#v, %v", got, err)
		}
	}
}
