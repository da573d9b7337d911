// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func (h hexBytes) key() [KeyBytes]byte { return [KeyBytes]byte(h) }

// A genesisVector is a genesis by its fields, with what derives from it.
type genesisVector struct {
	Policy        Policy
	PageBytes     uint32 `json:"page_bytes"`
	Owner         hexBytes
	Steward       hexBytes
	Salt          hexBytes
	RetentionDays uint32 `json:"retention_days"`
	EraseDays     uint16 `json:"erase_days"`
	Need          int
	Successors    []hexBytes
	Lobby, Join   hexBytes
	LobbyHash     digest.Hash `json:"lobby_hash"`
	JoinHash      digest.Hash `json:"join_hash"`
	Body          hexBytes
	Founding, ID  digest.Hash
}

// A stateVector is what the two ends of a connection prove and state.
type stateVector struct {
	Binding        hexBytes
	Term, Leg      uint32
	Size           uint64
	Root           digest.Hash
	Position       hexBytes
	Logs           uint64
	Digest         digest.Hash
	LobbyDialer    hexBytes `json:"lobby_proof_dialer"`
	LobbyListener  hexBytes `json:"lobby_proof_listener"`
	JoinDialer     hexBytes `json:"join_proof_dialer"`
	JoinListener   hexBytes `json:"join_proof_listener"`
	StatesDialer   hexBytes `json:"state_dialer"`
	StatesListener hexBytes `json:"state_listener"`
}

type inviteVector struct {
	Body, Lobby, Join, Seed hexBytes
	Role                    Role
	Expires                 uint64
	Uses                    uint16
	HasRoster               bool `json:"has_roster"`
	Term, Leg               uint32
	Size                    uint64
	Root                    digest.Hash
	Name                    string
	Peers                   []string
	Key                     hexBytes
	KEMSeed                 hexBytes `json:"kem_seed"`
	Invite                  string
}

type vectors struct {
	Topics []struct {
		genesisVector
		stateVector
	}
	Seeds []struct {
		Seed, Generation hexBytes
		Topic            int
		PeerID           string `json:"peer_id"`
		Author, Witness  hexBytes
		File             string
	}
	Logs []struct {
		Topic     digest.Hash
		Author    hexBytes
		PageBytes uint32 `json:"page_bytes"`
		Kind      LogKind
		Number    string
		Term, Leg uint32
		Log       digest.Hash
	}
	Accounts []struct {
		Secret, Key hexBytes
		KEMSeed     hexBytes `json:"kem_seed"`
	}
	Invites []inviteVector
	Words   []struct {
		Entropy        hexBytes
		Phrase         string
		RootKEMSeed    hexBytes `json:"root_kem_seed"`
		Lobby, Account hexBytes
		Body           hexBytes
		ID             digest.Hash
	}
	Places     []map[string]string
	Signatures []struct {
		Tag                     string
		Parts                   []hexBytes
		Seed, Public, Signature hexBytes
	}
	StoreSealed []struct{ Seed, Key, Check, Place, Secret, Sealed hexBytes } `json:"store_sealed"`
	SealedSeeds []struct {
		Seed, File hexBytes
		Passphrase string
	} `json:"sealed_seeds"`
	Addresses []struct{ Text, Peer, Place string }
	Refused   []refusedVector
}

// A refusedVector is a text, or bytes in hexadecimal, that is none of its kind.
type refusedVector struct{ What, Kind, Text, Reason string }

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../tests/testdata/vectors/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{len(v.Topics), len(v.Seeds), len(v.Logs), len(v.Accounts), len(v.Invites), len(v.Words), len(v.Places), len(v.Signatures), len(v.StoreSealed), len(v.SealedSeeds), len(v.Addresses), len(v.Refused)} {
		if n == 0 {
			t.Fatalf("vectors of part %d are missing", i)
		}
	}
	return v
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %x, want %x", what, got, want)
	}
}

func public(k ed25519.PrivateKey) []byte { return k.Public().(ed25519.PublicKey) }

func (v genesisVector) genesis() *Genesis {
	g := &Genesis{
		Policy: v.Policy, PageBytes: v.PageBytes, Owner: v.Owner.key(), Steward: v.Steward.key(), Salt: [SaltBytes]byte(v.Salt),
		LobbyHash: v.LobbyHash, RetentionDays: v.RetentionDays, EraseDays: v.EraseDays, Need: v.Need,
	}
	if v.Policy.Has(PolicyOpen) {
		g.JoinHash = v.JoinHash
	}
	for _, s := range v.Successors {
		g.Successors = append(g.Successors, s.key())
	}
	return g
}

func TestGenesisVectors(t *testing.T) {
	for _, v := range readVectors(t).Topics {
		g := v.genesis()
		body, err := g.Encode()
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "body", body, v.Body)
		if got, err := ParseGenesis(v.Body); err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("decoded %+v, %v; want %+v", got, err, g)
		}
		if g.ID() != v.ID || TopicIDOf(v.Body) != v.ID || g.Founding() != v.Founding {
			t.Errorf("id %v, founding %v; want %v, %v", g.ID(), g.Founding(), v.ID, v.Founding)
		}
		if LobbyHash(v.Lobby.key()) != v.LobbyHash || JoinHash(v.Join.key()) != v.JoinHash {
			t.Error("hashes of lobby or join key differ")
		}
	}
}

func TestProofVectors(t *testing.T) {
	for _, v := range readVectors(t).Topics {
		k := TopicKeys{Lobby: v.Lobby.key(), Join: v.Join.key()}
		at := Position{Term: v.Term, Leg: v.Leg, Size: v.Size, Root: v.Root}
		wantBytes(t, "position", at.Append(nil), v.Position)
		set := digest.Set{Count: v.Logs, Sum: v.Digest}
		p := k.Prover(v.ID)
		for _, end := range []struct {
			dialer             bool
			lobby, join, state hexBytes
		}{{true, v.LobbyDialer, v.JoinDialer, v.StatesDialer}, {false, v.LobbyListener, v.JoinListener, v.StatesListener}} {
			lobby, join := p.Lobby(v.Binding, end.dialer), p.Join(v.Binding, end.dialer)
			state := p.StateMark(v.Binding, end.dialer, at, set)
			wantBytes(t, "lobby proof", lobby[:], end.lobby)
			wantBytes(t, "join proof", join[:], end.join)
			wantBytes(t, "state mark", state[:], end.state)
		}
	}
}

func TestSeedVectors(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Seeds {
		s, g, topic := Seed(v.Seed), Generation(v.Generation), all.Topics[v.Topic].genesis()
		wantBytes(t, "witness", public(s.WitnessKey(g, topic.ID())), v.Witness)
		wantBytes(t, "author", public(s.AuthorKey(g, topic)), v.Author)
		if s.PeerID(g).String() != v.PeerID {
			t.Errorf("peer id %v, want %s", s.PeerID(g), v.PeerID)
		}
		wantBytes(t, "peer key", public(s.PeerKey(g)), s.PeerID(g).PublicKey())
		path := filepath.Join(t.TempDir(), "identity.key")
		if err := os.WriteFile(path, []byte(v.File), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadSeed(path, nil); err != nil || got != s {
			t.Errorf("seed file: %x, %v", got[:], err)
		}
		wantBytes(t, "seed file", encodeSeed(s), []byte(v.File))
	}
}

func TestLogVectors(t *testing.T) {
	for _, v := range readVectors(t).Logs {
		n, err := strconv.ParseUint(v.Number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := LogID(v.Topic, v.Author.key(), v.PageBytes, v.Kind, n); got != v.Log {
			t.Errorf("%v log %s in pages of %d bytes: %v, want %v", v.Kind, v.Number, v.PageBytes, got, v.Log)
		}
		if term, leg := SplitRosterNumber(n); term != v.Term || leg != v.Leg || RosterNumber(term, leg) != n {
			t.Errorf("number %d: term %d leg %d, want %d, %d", n, term, leg, v.Term, v.Leg)
		}
	}
}

func TestAccountVectors(t *testing.T) {
	for _, v := range readVectors(t).Accounts {
		a := AccountSecret{Secret(v.Secret)}
		kem := a.KEMSeed()
		wantBytes(t, "account key", public(a.Key()), v.Key)
		wantBytes(t, "account KEM seed", kem[:], v.KEMSeed)
	}
}

func (v inviteVector) invite(t *testing.T) Invite {
	t.Helper()
	g, err := ParseGenesis(v.Body)
	if err != nil {
		t.Fatal(err)
	}
	inv := Invite{Genesis: *g, Keys: TopicKeys{v.Lobby.key(), v.Join.key()}, Role: v.Role, Expires: v.Expires, Uses: v.Uses, Name: v.Name}
	copy(inv.Seed[:], v.Seed)
	if v.HasRoster {
		inv.Roster = &Position{v.Term, v.Leg, v.Size, v.Root}
	}
	for _, p := range v.Peers {
		a, err := ParseAddress(p)
		if err != nil {
			t.Fatal(err)
		}
		inv.Peers = append(inv.Peers, a)
	}
	return inv
}

func TestInviteVectors(t *testing.T) {
	for _, v := range readVectors(t).Invites {
		want := v.invite(t)
		if got := want.String(); got != v.Invite {
			t.Errorf("encoded %s\n   want %s", got, v.Invite)
		}
		got, err := ParseInvite(v.Invite)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("decoded %#v, %v", got, err)
		}
		if len(v.Seed) > 0 {
			kem := want.KEMSeed()
			wantBytes(t, "invite key", public(want.Key()), v.Key)
			wantBytes(t, "invite KEM seed", kem[:], v.KEMSeed)
		}
	}
}

func TestWordsVectors(t *testing.T) {
	for _, v := range readVectors(t).Words {
		w, err := ParseWords(v.Phrase)
		if err != nil || w.Secret != Secret(v.Entropy) || w.Phrase() != v.Phrase {
			t.Errorf("%s: %x, %v", v.Phrase, w.Secret[:], err)
		}
		root, home := w.RootKEMSeed(), w.Home()
		body, err := home.Genesis.Encode()
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "root KEM seed", root[:], v.RootKEMSeed)
		wantBytes(t, "home lobby key", home.Lobby[:], v.Lobby)
		wantBytes(t, "home account secret", home.Account.Secret[:], v.Account)
		wantBytes(t, "home genesis", body, v.Body)
		if home.Genesis.ID() != v.ID {
			t.Errorf("home topic %v, want %v", home.Genesis.ID(), v.ID)
		}
	}
}

func TestPlaceVectors(t *testing.T) {
	number := func(s string) uint64 {
		n, _ := strconv.ParseUint(s, 10, 64)
		return n
	}
	for _, v := range readVectors(t).Places {
		p := PlaceOf(v["name"], durable.Whereabouts{
			Machine: v["machine"], Hardware: v["hardware"], Volume: v["volume"], Disk: v["disk"],
			Boot: v["boot"], Number: v["number"], Path: v["path"],
			Dir:  durable.Inode{Number: number(v["dir"]), Born: int64(number(v["dirborn"]))},
			File: durable.Inode{Number: number(v["file"]), Born: int64(number(v["fileborn"]))},
		})
		if p.Encode() != v["line"] {
			t.Errorf("encoded %s\n   want %s", p.Encode(), v["line"])
		}
		if got, err := ParsePlace(v["line"]); err != nil || got != p {
			t.Errorf("decoded %v, %v", got, err)
		}
	}
}

func TestSignatureVectors(t *testing.T) {
	for _, v := range readVectors(t).Signatures {
		var parts [][]byte
		for _, p := range v.Parts {
			parts = append(parts, p)
		}
		sig := Sign(ed25519.NewKeyFromSeed(v.Seed), v.Tag, parts...)
		wantBytes(t, "signature", sig[:], v.Signature)
		if !VerifySignature(v.Public.key(), v.Signature, v.Tag, parts...) {
			t.Errorf("signature of %s does not verify", v.Tag)
		}
	}
}

// The vectors are what the script that shares no code with us makes.
func TestVectorsAreOfTheScript(t *testing.T) {
	if said, err := exec.Command("python3", "-c", "import cryptography").CombinedOutput(); err != nil {
		t.Skipf("python3 with its module cryptography makes them: %v\n%s", err, said)
	}
	script := exec.Command("python3", "make.py")
	script.Dir = "../tests/oracle/identity"
	var said bytes.Buffer
	script.Stderr = &said
	got, err := script.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	want, err := os.ReadFile("../tests/testdata/vectors/identity.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tests/oracle/identity/make.py makes other vectors than identity.json holds")
	}
}

func TestAddressVectors(t *testing.T) {
	for _, v := range readVectors(t).Addresses {
		a, err := ParseAddress(v.Text)
		peer := ""
		if !a.Unnamed() {
			peer = a.Peer.String()
		}
		if err != nil || peer != v.Peer || a.Host != v.Place || a.String() != v.Text {
			t.Errorf("%s: %+v, %v", v.Text, a, err)
		}
	}
}

// inviteFaults are the faults that a reason in the vectors stands for. What is
// told of a damaged invite is a guess.
var inviteFaults = map[string][]Fault{
	"prefix": {FaultPrefix}, "version": {FaultVersion}, "character": {FaultCharacter}, "damaged": {FaultTypo, FaultTruncated},
	"truncated": {FaultTruncated}, "trailing": {FaultTrailing}, "content": {FaultContent},
}

func TestRefusedVectors(t *testing.T) {
	for _, v := range readVectors(t).Refused {
		if v.Kind == "format" {
			continue // package store reads those
		}
		if got := refusal(t, v); got != v.Reason {
			t.Errorf("%s, %s: refused for %q, want %q", v.Kind, v.What, got, v.Reason)
		}
	}
}

// refusal returns the reason for which v is refused.
func refusal(t *testing.T, v refusedVector) string {
	var unhex hexBytes
	if err := unhex.UnmarshalText([]byte(v.Text)); err != nil && (v.Kind == "genesis" || v.Kind == "position") {
		t.Fatal(err)
	}
	var err error
	switch v.Kind {
	case "genesis":
		_, err = ParseGenesis(unhex)
	case "position":
		_, err = ParsePosition(unhex)
	case "invite":
		_, err = ParseInvite(v.Text)
	case "place":
		_, err = ParsePlace(v.Text)
	case "words":
		_, err = ParseWords(v.Text)
	case "seed":
		_, err = decodeSeed([]byte(v.Text))
	case "address":
		_, err = ParseAddress(v.Text)
	}
	var invite *InviteError
	var word *WordError
	switch {
	case errors.As(err, &invite) && slices.Contains(inviteFaults[v.Reason], invite.Fault):
		return v.Reason
	case errors.As(err, &word):
		return "word"
	}
	for _, r := range []struct {
		err    error
		reason string
	}{
		{ErrGenesis, "genesis"}, {ErrPosition, "position"}, {ErrPlace, "place"}, {ErrWordsChecksum, "checksum"}, {ErrWords, "count"},
		{ErrSeedVersion, "version"}, {ErrSeedFile, "damaged"}, {ErrAddress, "address"},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return fmt.Sprintf("(%v)", err)
}
