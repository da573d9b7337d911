// SPDX-License-Identifier: MPL-2.0

package peertls

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../../tests/testdata/vectors/knock.json")

const vectorFile = "../../tests/testdata/vectors/knock.json"

type knockVectors struct {
	Comment string        `json:"comment"`
	Knocks  []knockVector `json:"knocks"`
}

type knockVector struct {
	Carrier string `json:"carrier"`
	Secret  string `json:"secret"`   // of the point
	PeerKey string `json:"peer_key"` // of the listener
	Peer    string `json:"peer_id"`
	U       string `json:"peer_u"` // the peer id as a point of Curve25519
	Scalar  string `json:"scalar"` // what the listener multiplies with, before it is clamped
	Point   string `json:"point"`
	Shared  string `json:"shared"`
	Tag     string `json:"tag"`
	Name    string `json:"name"`
}

func knockRow(t *testing.T, carrier, what string) knockVector {
	t.Helper()
	secret := digest.Tagged("secret of a knock", []byte(what))
	seed := digest.Tagged("peer key behind a door", []byte(what))
	key := ed25519.NewKeyFromSeed(seed[:])
	peer := identity.PeerID(key.Public().(ed25519.PublicKey))
	mine, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	u, err := montgomery(peer)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := montgomeryKey(key)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := theirs.ECDH(mine.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	name, err := knockWith(mine, carrier, peer)
	if err != nil {
		t.Fatal(err)
	}
	k := parseKnock(name)
	return knockVector{
		Carrier: carrier, Secret: hex.EncodeToString(secret[:]), PeerKey: hex.EncodeToString(seed[:]), Peer: peer.String(),
		U: hex.EncodeToString(u.Bytes()), Scalar: hex.EncodeToString(theirs.Bytes()), Point: hex.EncodeToString(k[:pointBytes]),
		Shared: hex.EncodeToString(shared), Tag: hex.EncodeToString(k[pointBytes:]), Name: name,
	}
}

// docs/xsp.md shows the first of them, and says how many knocks a listener remembers.
func TestPageShowsAVector(t *testing.T) {
	b, err := os.ReadFile("../../docs/xsp.md")
	if err != nil {
		t.Fatal(err)
	}
	page, v := strings.Join(strings.Fields(string(b)), ""), knockRow(t, identity.SchemeQUIC, "one")
	for _, want := range []string{v.Secret, v.PeerKey, v.Peer, v.U, v.Point, v.Shared, v.Tag, v.Name, fmt.Sprintf("atleastthelast%dknocks", knocksKept)} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/xsp.md does not say %s", want)
		}
	}
}

func TestVectors(t *testing.T) {
	v := knockVectors{Comment: "Knocks of XSP 2. Written by go test ./internal/peertls -run Vectors -update."}
	for _, what := range []string{"one", "two", "three"} {
		for _, carrier := range []string{identity.SchemeQUIC, identity.SchemeTCP} {
			v.Knocks = append(v.Knocks, knockRow(t, carrier, what))
		}
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(vectorFile); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%v; what %s holds is not what is computed", err, vectorFile)
	}
}
