// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/cmd/xaeroflux/cli"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// asCommand makes this test binary the xaeroflux command.
const asCommand = "XAEROFLUX_CONFORMANCE_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

var everything = regexp.MustCompile("")

// runSuite plays the scenarios that match and fails the test with what they say.
func runSuite(t *testing.T, s *suite, match *regexp.Regexp) {
	t.Helper()
	var out bytes.Buffer
	if failed := s.runAll(&out, match); failed > 0 {
		t.Errorf("%d scenarios failed:\n%s", failed, out.String())
	}
}

// program is the device that our own node is: the same in each run.
func program() identity.Device {
	g := named("generation of the program")
	return identity.Device{Seed: identity.Seed(named("seed of the program")), Generation: identity.Generation(g[:16])}
}

// joinedNode opens a node that is in the suite's topics.
func joinedNode(t *testing.T, s *suite) *xaeroflux.DB {
	t.Helper()
	return joinedWith(t, s, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
}

func joinedWith(t *testing.T, s *suite, o *xaeroflux.Options) *xaeroflux.DB {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "program")
	err := store.Create(dir, store.CreateOptions{First: s.one().id, PageBytes: segwriter.DefaultPageBytes, SegmentPages: segwriter.DefaultSegmentPages, Seed: program().Seed, Generation: program().Generation})
	if err != nil {
		t.Fatal(err)
	}
	o.Invite = s.one().text()
	db, err := xaeroflux.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if db.PeerID() != xaeroflux.PeerID(program().PeerID()) {
		t.Fatal("the node is another device")
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Join(t.Context(), s.two().text()); err != nil {
		t.Fatal(err)
	}
	return db
}

// Our own node does what the page says, over TCP, and the suite has seen all kinds
// of things that a program says.
func TestNodeConforms(t *testing.T) {
	s := newSuite()
	db := joinedNode(t, s)
	addr, err := db.Listen(t.Context(), "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var record bytes.Buffer
	s.record = newRecording(&record, s.topics)
	_, s.reach.tcp = identity.SplitScheme(addr.Host)
	s.reach.peer = db.PeerID().String()
	runSuite(t, s, everything)
	checkSeen(t, record.Bytes())
	if report, err := db.Check(t.Context(), nil); err != nil {
		t.Errorf("the program's store: %v, %v", report, err)
	}
}

// checkSeen checks what the program has said in a recording.
func checkSeen(t *testing.T, record []byte) {
	t.Helper()
	seen, kinds := map[messages.Type]bool{}, map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(record)); dec.More(); {
		var l recordedLine
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		body, err := hex.DecodeString(l.Body)
		if err != nil {
			t.Fatal(err)
		}
		if l.From != "program" {
			continue
		}
		m, err := messages.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Type()] = true
		if d, ok := m.(*messages.Diff); ok && len(d.Body) > 0 {
			_, b, err := messages.DecodeBody(d.Body)
			if err != nil {
				t.Fatal(err)
			}
			kinds[strings.TrimPrefix(strings.TrimSuffix(fmt.Sprintf("%T", b), "Body"), "*messages.")] = true
		}
	}
	for _, typ := range []messages.Type{
		messages.TypeHello, messages.TypeTopics, messages.TypeLeave, messages.TypePong, messages.TypeError, messages.TypePeaks, messages.TypeDiff,
		messages.TypeEvents, messages.TypeSyncDone, messages.TypeFork, messages.TypeProofResponse, messages.TypeCosignResponse,
	} {
		if !seen[typ] {
			t.Errorf("the program never said %s", typ)
		}
	}
	for _, kind := range []string{"Cursor", "Symbols", "Items", "Answer"} {
		if !kinds[kind] {
			t.Errorf("the program never said a body %s: %v", kind, kinds)
		}
	}
}

// The command on standard input and output, one process for each session, which
// takes longer: some of the scenarios.
func TestCommandConforms(t *testing.T) {
	s := newSuite()
	dir := filepath.Join(t.TempDir(), "program")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range s.topics[:joined] {
		join := exec.Command(self, "join", "--dir", dir, topic.text())
		join.Env = append(os.Environ(), asCommand+"=1")
		if out, err := join.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	s.reach.command = []string{asCommand + "=1 exec", self, "serve", "--stdio", "--dir", dir}
	runSuite(t, s, regexp.MustCompile("^(no topic|both hold|the program is behind|topics come)|refused: another|PEAKS twice"))
}

// Every rule is a sentence of the page.
func TestRulesAreInThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/xsp.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	text := plain(string(page))
	source, err := os.ReadFile("rules.go")
	if err != nil {
		t.Fatal(err)
	}
	var rules []rule
	for _, m := range regexp.MustCompile(`rule = "(.*)"`).FindAllSubmatch(source, -1) {
		rules = append(rules, rule(m[1]))
	}
	for _, b := range breaches() {
		rules = append(rules, b.rule)
	}
	for _, q := range wrongRequests(&conversation{}, nil) {
		rules = append(rules, q.rule)
	}
	for _, r := range rules {
		if !strings.Contains(text, plain(string(r))) {
			t.Errorf("docs/xsp.md does not say: %s", r)
		}
	}
	if len(rules) < 80 {
		t.Errorf("%d rules", len(rules))
	}
}
