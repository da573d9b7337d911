// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A smallVector is a row of a kind, with what it says.
type smallVector struct {
	Kind     string   `json:"kind"`
	Database string   `json:"database"`
	Fields   any      `json:"fields"`
	Key      hexBytes `json:"key"`
	Value    hexBytes `json:"value"`
}

// fields is what a row says: names and values in turn, as JSON has them.
func fields(nameValue ...any) json.RawMessage {
	b := []byte{'{'}
	for i := 0; i < len(nameValue); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(nameValue[i])
		value, err := json.Marshal(nameValue[i+1])
		if err != nil {
			panic(err)
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}')
}

func smallRow[K, V any](kind string, t *Table[K, V], k K, v V, nameValue ...any) smallVector {
	return smallVector{kind, t.Bucket, fields(nameValue...), t.Key(k), t.Value(v)}
}

// A listed value is one of a list in a row.
type (
	placeFields struct {
		Host   string      `json:"host"`
		Proven int64       `json:"proven_ms"`
		Source digest.Hash `json:"source"`
		Public bool        `json:"public"`
	}
	headFields struct {
		Size   uint64        `json:"size"`
		Root   digest.Hash   `json:"root"`
		Sig    hexBytes      `json:"signature"`
		Cosigs []cosigFields `json:"cosignatures"`
	}
	kemFields struct {
		Recipient digest.Hash `json:"recipient"`
		Seed      hexBytes    `json:"seed"`
	}
	cosigFields struct {
		Witness hexBytes `json:"witness"`
		Time    uint64   `json:"time"`
		Sig     hexBytes `json:"signature"`
	}
)

const vectorTime = 1700000000123

func smallRows(t *testing.T) []smallVector {
	topic, log, author, now := word("topic"), word("log"), word("author"), time.UnixMilli(vectorTime)
	names := []digest.Hash{word("a"), word("b"), word("c")}
	slices.SortFunc(names, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
	tip, far := Tip{5, word("root")}, Tip{1<<48 - 1, word("far")}
	head := proof.Head{Log: log, Size: 5, Root: word("root"), Sig: signature(1)}
	root := seal.PublicKey(bytes.Repeat([]byte{7}, seal.PublicKeyBytes))
	rows := []smallVector{
		smallRow("process", Progress, ProgressKey{"tags", log}, 9, "name", "tags", "log", log, "next", 9),
		smallRow("process", Progress, ProgressKey{"die Gärtner", log}, 1<<60, "name", "die Gärtner", "log", log, "next", uint64(1<<60)),
		smallRow("generation", Generations, Only{}, identity.Generation{1, 15: 2}, "generation", hexBytes{1, 15: 2}),
		smallRow("restored", Restores, Only{}, now, "time_ms", vectorTime),
		smallRow("unmet", Unmet, topic, now, "topic", topic, "time_ms", vectorTime),
		smallRow("closed", Closings, Only{}, 12, "closed", 12),
		smallRow("former", Formers, FormerKey{topic, author}, log, "topic", topic, "author", author, "log", log),
		smallRow("copy", Copies, log, Copy{Topic: topic, Log: log, Author: author, Seen: now}, "log", log, "topic", topic, "author", author, "time_ms", vectorTime),
		smallRow("default", Defaults, Only{}, topic, "topic", topic),
		smallRow("default", Defaults, Only{}, digest.Hash{}, "topic", digest.Hash{}),
		smallRow("home", Homes, Only{}, Home{Topic: topic}, "topic", topic, "root", hexBytes{}),
		smallRow("home", Homes, Only{}, Home{Topic: topic, Root: &root}, "topic", topic, "root", hexBytes(root[:])),
		smallRow("successor", SuccessorKeys, [32]byte(author), identity.Secret{5}, "key", author, "seed", hexBytes{5, 31: 0}),
		smallRow("petname", Petnames, PetnameKey{topic, author}, naming.Petname{Given: vectorTime}, "topic", topic, "account", author, "given_ms", vectorTime, "name", ""),
		smallRow("petname", Petnames, PetnameKey{topic, author}, naming.Petname{Given: vectorTime, Name: "der Gärtner"}, "topic", topic, "account", author, "given_ms", vectorTime, "name", "der Gärtner"),
		smallRow("named", NamedLogs, log, Named{To: 9, Root: word("root")}, "log", log, "to", 9, "root", word("root"), "sequence", 0, "time_ms", 0, "body", hexBytes{}),
		smallRow("named", NamedLogs, log, Named{1 << 40, word("root"), 1<<40 - 1, vectorTime, []byte("\x01Ben")}, "log", log, "to", 1<<40, "root", word("root"), "sequence", 1<<40-1, "time_ms", vectorTime, "body", hexBytes("\x01Ben")),
		smallRow("follow", Follows, topic, nil, "topic", topic, "names", []digest.Hash{}),
		smallRow("follow", Follows, topic, names, "topic", topic, "names", names),
		smallRow("legs", Legs, topic, names, "topic", topic, "names", names),
		smallRow("invited", Invited, topic, identity.Position{Term: 1, Leg: 2, Size: 1<<48 - 1, Root: word("root")},
			"topic", topic, "term", 1, "leg", 2, "size", uint64(1<<48-1), "root", word("root")),
		smallRow("resumed", Resumed, topic, identity.Position{Term: 1, Leg: 2, Size: 3, Root: word("root")},
			"topic", topic, "term", 1, "leg", 2, "size", 3, "root", word("root")),
		smallRow("signed", SignedLegs, log, tip, "log", log, "size", tip.Size, "root", tip.Root),
		smallRow("unasked", Unasked, log, Stretch{5, 1 << 40, tip.Root}, "log", log, "from", 5, "to", 1<<40, "root", tip.Root),
		smallRow("kem", KEMKeys, topic, []KEMKey{{author, identity.Secret{5}}, {log, identity.Secret{6}}}, "topic", topic,
			"keys", []kemFields{{author, hexBytes{5, 31: 0}}, {log, hexBytes{6, 31: 0}}}),
		smallRow("epoch", EpochSecrets, EpochKey{topic, log}, EpochSecret{1 << 40, identity.Secret{5}, identity.Secret{6}, author},
			"topic", topic, "epoch", log, "number", 1<<40, "secret", hexBytes{5, 31: 0}, "join", hexBytes{6, 31: 0}, "readers", author),
		smallRow("epoch", EpochSecrets, EpochKey{topic, log}, EpochSecret{Join: identity.Secret{6}},
			"topic", topic, "epoch", log, "number", 0, "secret", make(hexBytes, 32), "join", hexBytes{6, 31: 0}, "readers", digest.Hash{}),
		smallRow("cosigned", Cosigned, log, tip, "log", log, "size", tip.Size, "root", tip.Root),
		smallRow("cosigned", Cosigned, log, far, "log", log, "size", far.Size, "root", far.Root),
		smallRow("forgot", Forgets, Only{}, now, "time_ms", vectorTime),
		smallRow("doubt", Doubts, log, head, "log", log, "size", head.Size, "root", head.Root, "signature", hexBytes(head.Sig[:])),
	}
	for _, p := range []identity.Place{identity.PlaceOf("somewhere", durable.Whereabouts{}), {}} {
		rows = append(rows, smallRow("place", Places, Only{}, p, "place", p.Encode()))
	}
	return slices.Concat(rows, cosignatureRows(log), peerRows(t), forkRows(t))
}

func signature(b byte) (s [64]byte) {
	return [64]byte(bytes.Repeat([]byte{b}, 64))
}

func cosignatureRows(log digest.Hash) (rows []smallVector) {
	two := []proof.Cosignature{{Witness: word("w0"), Time: 1700000000, Sig: signature(2)}, {Witness: word("w1"), Time: 1 << 40, Sig: signature(3)}}
	newest := proof.Head{Log: log, Size: 9, Root: word("newest"), Sig: signature(1)}
	older := proof.Head{Log: log, Size: 5, Root: word("root"), Sig: signature(4)}
	for _, all := range [][]CosignedHead{nil, {{newest, two}, {older, nil}, {older, two[:1]}}} {
		heads := []headFields{}
		for _, x := range all {
			h := headFields{x.Head.Size, x.Head.Root, x.Head.Sig[:], []cosigFields{}}
			for _, c := range x.Cosigs {
				h.Cosigs = append(h.Cosigs, cosigFields{c.Witness[:], c.Time, c.Sig[:]})
			}
			heads = append(heads, h)
		}
		rows = append(rows, smallRow("cosignatures", Cosignatures, log, all, "log", log, "heads", heads))
	}
	return rows
}

// peerRows are of a peer that was found and lost, and of one of which little is
// known.
func peerRows(t *testing.T) (rows []smallVector) {
	self, now := identity.PeerID(word("self")), time.UnixMilli(vectorTime)
	b := peerbook.New(self)
	far, near := identity.PeerID(word("far")), identity.PeerID(word("near"))
	told := peerbook.Telling{Source: identity.PeerID(word("teller")), Host: "198.51.100.7:4040"}
	addr := func(p identity.PeerID, host string) identity.Address { return identity.Address{Peer: p, Host: host} }
	b.Told(addr(far, "tcp://203.0.113.9:443"), told, now)
	b.Told(addr(far, "[2001:db8::1]:4040"), peerbook.Telling{Source: far, Host: "203.0.113.9:443"}, now)
	b.Proved(addr(far, "tcp://203.0.113.9:443"), now)
	b.Up(far, []digest.Hash{word("topic"), word("another")}, now)
	b.Down(far, time.Second, false, errors.New("it went away – for now"), now.Add(time.Minute), 0.25)
	b.Told(addr(near, "host.example:4040"), told, now)
	b.Proved(addr(near, "host.example:4040"), now)
	changes := b.Changes()
	for _, p := range []identity.PeerID{far, near} {
		e, ok := b.Get(p)
		if !ok || changes[p] == nil {
			t.Fatal("no such peer")
		}
		places, topics := []placeFields{}, append([]digest.Hash{}, e.Topics...)
		for _, x := range e.Places {
			places = append(places, placeFields{x.Host, milli(x.Proven), digest.Hash(x.Source), x.Public})
		}
		rows = append(rows, smallRow("peer", Peers, p, changes[p], "peer", digest.Hash(p), "failures", e.Failures, "day", milli(e.First)/86400000,
			"seen_ms", milli(e.Seen), "erred_ms", milli(e.Erred), "topics", topics, "error", e.LastError, "places", places))
	}
	return rows
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func forkRows(t *testing.T) []smallVector {
	seed := word("author")
	key := ed25519.NewKeyFromSeed(seed[:])
	name := identity.LogName{Topic: word("topic"), Author: [32]byte(key.Public().(ed25519.PublicKey)), PageBytes: 4096, Number: 1}
	f := proof.NewFork(name, proof.Sign(key, name.ID(), 5, word("one")), proof.Sign(key, name.ID(), 5, word("two")), digest.Hash{}, nil)
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	return []smallVector{smallRow("fork", Forks, f.Log(), f, "log", f.Log(), "file", string(f.Encode()))}
}

// A refusedRow is damage.
type refusedRow struct {
	What     string   `json:"what"`
	Database string   `json:"database"`
	Key      hexBytes `json:"key"`
	Value    hexBytes `json:"value"`
}

// refusedRows are rows that lost or gained a byte, and those in which a field is
// not as its table says.
func refusedRows(rows []smallVector) (all []refusedRow) {
	put := func(what string, r smallVector, key, value []byte) {
		all = append(all, refusedRow{r.Kind + ": " + what, r.Database, key, value})
	}
	of := map[string]smallVector{}
	for _, r := range rows {
		of[r.Kind] = r // the last one of a kind, which is the longest
	}
	for i, r := range rows {
		if last := of[r.Kind]; i+1 < len(rows) && rows[i+1].Kind == r.Kind {
			continue
		} else if r = last; len(r.Value) > 0 {
			put("a byte less", r, r.Key, r.Value[:len(r.Value)-1])
		}
		put("a byte more", r, r.Key, append(slices.Clone(r.Value), 7))
		if r.Kind != "process" { // then it is another's
			put("a byte of the key more", r, append(slices.Clone(r.Key), 7), r.Value)
		}
	}
	change := func(what, kind string, change func(b []byte)) {
		b := slices.Clone(of[kind].Value)
		change(b)
		put(what, of[kind], of[kind].Key, b)
	}
	change("that ends before it begins", "unasked", func(b []byte) { clear(b[8:16]) })
	change("a name that nobody has", "petname", func(b []byte) { b[9] = '\n' })
	change("an event that was not read", "named", func(b []byte) { copy(b[40:48], b[:8]) })
	change("zeros", "generation", func(b []byte) { clear(b) })
	change("names that fall", "follow", func(b []byte) { copy(b[32:], b[64:]); copy(b[64:], of["follow"].Value[32:64]) })
	change("a name twice", "follow", func(b []byte) { copy(b[32:], b[:32]) })
	change("a cosignature more than there is", "cosignatures", func(b []byte) { b[104]++ })
	change("another version", "peer", func(b []byte) { b[0]++ })
	change("a place more than there is", "peer", func(b []byte) { b[1]++ })
	change("65 topics", "peer", func(b []byte) { b[2] = 65 })
	change("an error of 201 bytes", "peer", func(b []byte) { b[3] = 201 })
	change("a host that is none", "peer", func(b []byte) { b[len(b)-1] = 'x' })
	change("a head that is not signed", "fork", func(b []byte) { b[len(b)-3] ^= 1 })
	put("of another log", of["fork"], Forks.Key(word("log")), of["fork"].Value)
	put("of no name", of["process"], of["process"].Key[len(of["process"].Key)-33:], of["process"].Value)
	put("of no kind", smallVector{Kind: "none", Database: bucketMeta}, []byte("strange"), nil)
	put("of no database", smallVector{Kind: "none", Database: "strange"}, of["closed"].Key, of["closed"].Value)
	put("in another database", smallVector{Kind: "peer", Database: bucketMeta}, of["peer"].Key, of["peer"].Value)
	return all
}

// A closedVector is the text of CLOSED.
type closedVector struct {
	Closed uint64 `json:"closed"`
	Text   string `json:"text"`
}

func closedVectors() (all []closedVector) {
	for _, n := range []uint64{1, 12, 1<<64 - 1} {
		all = append(all, closedVector{n, string(EncodeClosed(n))})
	}
	return all
}

// damagedClosed are texts of CLOSED that say nothing.
func damagedClosed() []string {
	good := string(EncodeClosed(12))
	return []string{
		"", "closed 12\n", good[:len(good)-1], good + "\n", "closed 13" + good[9:], "closed +12" + good[9:], "closed 012" + good[9:],
		good[:len(good)-2] + "x\n",
	}
}

// An asideVector is a row that was taken out, and its line.
type asideVector struct {
	Bucket string   `json:"bucket"`
	Key    hexBytes `json:"key"`
	Value  hexBytes `json:"value"`
	Line   string   `json:"line"`
}

func asideVectors() (all []asideVector) {
	for _, r := range [][3]string{{bucketMeta, "strange", "\x00\x01"}, {bucketCursors, "\xff", ""}} {
		key, value := []byte(r[1]), []byte(r[2])
		all = append(all, asideVector{r[0], key, value, string(AsideLine(r[0], key, value))})
	}
	return all
}

// TestSmallRowVectors reads the file: every row is sound, every refused one is
// damage, and every kind of row but topics, ranges and the like, which have lists
// of their own, is there.
func TestSmallRowVectors(t *testing.T) {
	b, err := os.ReadFile(rowVectorFile)
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ Kind, What, Database, Key, Value string }
	var v struct {
		Rows        []row
		RefusedRows []row `json:"refused_rows"`
		Closed      []closedVector
		Damaged     []string `json:"damaged_closed"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	check := func(r row) (*Kind, error) {
		key, err1 := hex.DecodeString(r.Key)
		value, err2 := hex.DecodeString(r.Value)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return KindOf(r.Database, key), Check(r.Database, key, value)
	}
	found := map[*Kind]bool{&Topics.Kind: true, &Moves.Kind: true, &Agreements.Kind: true, &Ranges.Kind: true, &IDs.Kind: true}
	for _, r := range v.Rows {
		k, err := check(r)
		if err != nil {
			t.Errorf("%s: %v", r.Kind, err)
		}
		found[k] = true
	}
	for _, k := range Kinds {
		if !found[k] {
			t.Errorf("no vector of %s", k.Name)
		}
	}
	for _, r := range v.RefusedRows {
		if _, err := check(r); !errors.Is(err, corrupt.Err) {
			t.Errorf("%s: %v", r.What, err)
		}
	}
	for _, c := range v.Closed {
		if ParseClosed([]byte(c.Text)) != c.Closed {
			t.Errorf("%q is not %d", c.Text, c.Closed)
		}
	}
	for _, text := range v.Damaged {
		if n := ParseClosed([]byte(text)); n != 0 {
			t.Errorf("%q says %d", text, n)
		}
	}
	if len(v.RefusedRows) < 50 || len(v.Closed) == 0 || len(v.Damaged) == 0 {
		t.Errorf("%d refused rows", len(v.RefusedRows))
	}
}
