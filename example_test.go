// SPDX-License-Identifier: MPL-2.0

package xaeroflux_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
)

// What the example of the README finds around it.
var (
	ctx = context.Background()
	dir = filepath.Join(scratch, "first")

	check = func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
)

var scratch = filepath.Join(os.TempDir(), fmt.Sprintf("xaeroflux-example-%d", os.Getpid()))

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

func Example() {
	ada, err := xaeroflux.Open(dir+"/ada", nil) // creates the store, and a private topic
	check(err)
	defer ada.Close()
	addr, err := ada.Listen(ctx, "127.0.0.1:0")
	check(err)
	_, err = ada.Append(ctx, xaeroflux.Event{Type: "todo", Payload: []byte("milk")})
	check(err) // nil: the event is sealed, on disk, and counted in the root
	invite, err := ada.Invite(ctx, nil)
	check(err) // it is for one person, who can read the topic and append to it
	ben, err := xaeroflux.Open(dir+"/ben", &xaeroflux.Options{Invite: invite})
	check(err)
	defer ben.Close()
	_, err = ben.Sync(ctx, addr.String()) // brings what is there, and the key of it
	check(err)
	_, err = ben.Append(ctx, xaeroflux.Event{Type: "todo", Payload: []byte("bread")})
	check(err)
	_, err = ben.Sync(ctx, addr.String()) // each has both now, verified
	check(err)
	for rec, err := range ben.Events(ctx, xaeroflux.Query{}) {
		check(err)
		fmt.Println(string(rec.Payload)) // milk, bread, in one order or the other
	}
	// Unordered output:
	// milk
	// bread
}

func ExampleDB_Prove() {
	dir := filepath.Join(scratch, "prove")
	db, err := xaeroflux.Open(dir, nil) // creates the store where there is none
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	_, err = db.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("buy milk")})
	if err != nil {
		log.Fatal(err) // no error: the event is on disk and counted in the root
	}
	head := db.Head() // size and root of the own log, signed
	for rec, err := range db.Events(ctx, xaeroflux.Query{Log: head.Log}) {
		proof, err2 := db.Prove(ctx, rec.Seq, head.Size)
		err3 := xaeroflux.Verify(rec, proof, head) // needs no store
		fmt.Println(rec.Seq, rec.Type, string(rec.Payload), errors.Join(err, err2, err3))
	}
	// Output: 0 note buy milk <nil>
}

func ExampleDB_Process() {
	db, err := xaeroflux.Open(filepath.Join(scratch, "process"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"one", "two", "three"} {
		if _, err := db.Append(ctx, xaeroflux.Event{Payload: []byte(text)}); err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(ctx)
	err = db.Process(ctx, "printer", nil, func(_ context.Context, records []xaeroflux.Record) error {
		for _, r := range records {
			fmt.Println(string(r.Payload))
			if string(r.Payload) == "three" {
				stop()
			}
		}
		return nil // moves the cursor of "printer" behind them
	})
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// one
	// two
	// three
	// true
}

// A total that counts each event once, whenever it is killed: the frontier is written with
// what it led to, in one file.
func ExampleDB_Process_frontier() {
	db, err := xaeroflux.Open(filepath.Join(scratch, "total"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	file := filepath.Join(scratch, "total.json")
	count := func() (total struct {
		Events int
		After  xaeroflux.Frontier
	}) {
		total.After = xaeroflux.Frontier{} // the beginning
		if text, err := os.ReadFile(file); err == nil {
			if err := json.Unmarshal(text, &total); err != nil {
				log.Fatal(err)
			}
		}
		_ = db.Process(ctx, "total", total.After, func(_ context.Context, records []xaeroflux.Record) error {
			total.Events += len(records)
			total.After.Add(records...)
			text, err := json.Marshal(total)
			if err == nil {
				err = os.WriteFile(file+".new", text, 0o600)
			}
			if err == nil {
				err = os.Rename(file+".new", file)
			}
			if err != nil {
				log.Fatal(err) // an error would have the same events counted again
			}
			return xaeroflux.ErrStop // as if it was killed here
		})
		return total
	}
	for range 2 {
		if _, err := db.Append(ctx, xaeroflux.Event{Payload: []byte("event")}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(count().Events)
	}
	// Output:
	// 1
	// 2
}

type forwarder struct{ to chan<- string }

func (f *forwarder) Receive(c actor.Context) {
	if m, ok := c.Message().(*xaeroflux.Committed); ok {
		for _, r := range m.Records {
			f.to <- string(r.Payload)
		}
		m.Done(nil) // moves the cursor; nothing more comes before
	}
}

func ExampleDB_Spawn() {
	db, err := xaeroflux.Open(filepath.Join(scratch, "spawn"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	payloads := make(chan string, 2)
	props := actor.PropsFromProducer(func() actor.Actor { return &forwarder{payloads} })
	_, err = db.Spawn("forwarder", props, nil) // the default topic, from where it stopped
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if _, err := db.Append(ctx, xaeroflux.Event{Payload: []byte(text)}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(<-payloads, <-payloads)
	// Output: one two
}

func ExampleDB_Handle() {
	ada, err := xaeroflux.Open(filepath.Join(scratch, "ada"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ada.Close()
	invite, err := ada.Invite(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	ben, err := xaeroflux.Open(filepath.Join(scratch, "ben"), &xaeroflux.Options{Invite: invite})
	if err != nil {
		log.Fatal(err)
	}
	defer ben.Close()
	stop, err := ada.Handle("ping", xaeroflux.Capability{
		Serve: func(_ context.Context, c *xaeroflux.Call) error {
			_, err := fmt.Fprintf(c, "pong %s", c.Param) // to c.Peer, who is in the topics of the call
			return err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	addr, err := ada.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	if err := ben.Connect(ctx, addr.String()); err != nil {
		log.Fatal(err)
	}
	var call *xaeroflux.Call
	for call == nil { // until it is connected
		call, err = ben.Call(ctx, ada.PeerID(), "ping", []byte("1"))
		if err != nil && !errors.Is(err, xaeroflux.ErrNotConnected) {
			log.Fatal(err)
		}
	}
	answer, err := io.ReadAll(call)
	fmt.Println(string(answer), err)
	// Output: pong 1 <nil>
}

func ExampleTopic_Follow() {
	db, err := xaeroflux.Open(filepath.Join(scratch, "follow"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	topic := db.Topics()[0]
	ada := xaeroflux.AuthorKey{0xad, 0xa0}
	err = topic.Follow(ctx, xaeroflux.Name(ada)) // and the own log; FollowAll takes it back
	names, all := topic.Followed()
	fmt.Println(len(names), all, err)
	// Output: 1 false <nil>
}

func ExampleTopic_Remove() {
	dir := filepath.Join(scratch, "members")
	ada, err := xaeroflux.Open(dir+"/ada", &xaeroflux.Options{Listen: "127.0.0.1:0"})
	check(err)
	defer ada.Close()
	family, err := ada.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	check(err) // this store is its steward, this person its owner
	_, err = family.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("a present for Ben")})
	check(err) // sealed on its way to the disk
	week := time.Now().Add(7 * 24 * time.Hour)
	invite, err := family.Invite(ctx, &xaeroflux.InviteOptions{Role: xaeroflux.RoleReader, Expires: week})
	check(err) // for one person, unless Uses says more
	ben, err := xaeroflux.Open(dir+"/ben", &xaeroflux.Options{Invite: invite})
	check(err)
	defer ben.Close()
	_, err = ben.Sync(ctx, invite) // brings the events and the key of them, and asks to be admitted
	check(err)
	for rec, err := range ben.Events(ctx, xaeroflux.Query{}) {
		check(err)
		if rec.Sealed != nil { // no key of it is here (ErrSealed), or what is sealed is not well formed
			continue
		}
		fmt.Println(rec.Type, string(rec.Payload)) // note a present for Ben
	}
	for members, err := family.Members(); len(members) < 2; members, err = family.Members() {
		check(err) // Ben is admitted a moment after he asked
		time.Sleep(time.Millisecond)
	}
	check(family.TrustRoster(ctx)) // in the place of one more sync, by which Ben says that he holds the same

	members, err := family.Members()
	check(err)
	for _, m := range members {
		if m.Role != xaeroflux.RoleReader {
			continue
		}
		switch err := family.Remove(ctx, m.Account); {
		case errors.Is(err, xaeroflux.ErrAsked): // ctx ended first: the ask stands, and the steward does it later
		case errors.Is(err, xaeroflux.ErrRole): // the roster does not allow it
		case errors.Is(err, xaeroflux.ErrUnmet): // sync with a member first; below
		default:
			check(err) // nil: done. What is appended here from now on is sealed from them
		}
	}
	_, err = family.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("not for Ben")})
	check(err)
	_, err = ben.Sync(ctx, invite)
	fmt.Println(errors.Is(err, xaeroflux.ErrNotShared)) // true: he is told, and gets nothing

	// Output:
	// note a present for Ben
	// true
}

func ExampleTopic_Names() {
	ada, err := xaeroflux.Open(filepath.Join(scratch, "names"), nil)
	check(err)
	defer ada.Close()
	family, err := ada.CreateTopic(ctx, "family", nil)
	check(err)
	_, err = family.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("a present for Ben")})
	check(err)

	check(family.Claim(ctx, "Ada"))
	names, err := family.Names()
	check(err)
	for rec, err := range family.Events(ctx, xaeroflux.Query{}) {
		check(err)
		fmt.Println(names[rec.Account], string(rec.Payload)) // "Ada" a present for Ben
	}

	// Output:
	// "Ada" a present for Ben
}

func ExampleDB_LinkDevice() {
	dir := filepath.Join(scratch, "person")
	ada, err := xaeroflux.Open(dir+"/ada", &xaeroflux.Options{Listen: "127.0.0.1:0"})
	check(err)
	defer ada.Close()
	_, err = ada.CreateTopic(ctx, "diary", nil)
	check(err)
	showAndConfirm := func(phrase string) error {
		fmt.Println(len(strings.Fields(phrase)), "words")
		return nil
	}

	err = ada.Words(ctx, func(phrase string) error {
		return showAndConfirm(phrase) // a person writes them down; an error here means that nothing was done
	})
	check(err)
	link, err := ada.LinkDevice(ctx, nil)
	check(err) // ErrNoWords without words; hand it over as a password
	phone, err := xaeroflux.Open(dir+"/phone", &xaeroflux.Options{Invite: link})
	check(err)
	defer phone.Close()
	_, err = phone.Sync(ctx, link) // brings ada's topics; another sync, or a connection, what the steward answers
	check(err)
	for !slices.ContainsFunc(phone.Topics(), func(t *xaeroflux.Topic) bool { return t.Name() == "diary" }) {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("the diary is there")

	// Output:
	// 24 words
	// the diary is there
}

func ExampleEvent() {
	db, err := xaeroflux.Open(filepath.Join(scratch, "refs"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	topic := db.Topics()[0]
	seen := xaeroflux.Record{Log: xaeroflux.LogID{0xad, 0xa0}, Seq: 6} // of another author's log
	answer := xaeroflux.Event{
		Type: "answer", Payload: []byte("yes"),
		ID:   xaeroflux.EventID{1, 2, 3},             // random, or derived from what it is
		Refs: []xaeroflux.Ref{xaeroflux.RefTo(seen)}, // after seen and all before it
	}
	first, err := topic.Append(ctx, answer)
	again, err2 := topic.Append(ctx, answer) // after a crash, say
	fmt.Println(first.Count, again.Count, again.Repeated, again.Seq == first.Seq, errors.Join(err, err2))
	// Output: 1 0 1 true <nil>
}

// TestCodeOfPagesIsCompiled finds every Go block of the README and of all documents in
// this file, or in a program of examples.
func TestCodeOfPagesIsCompiled(t *testing.T) {
	source := read(t, "example_test.go")
	programs, err := filepath.Glob("examples/*/main.go")
	if err != nil || len(programs) < 4 {
		t.Fatalf("programs %v: %v", programs, err)
	}
	for _, p := range programs {
		source += read(t, p)
	}
	blocks := 0
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 3 {
		t.Fatalf("documents %v: %v", pages, err)
	}
	for _, page := range append(pages, "README.md") {
		for _, b := range strings.Split(read(t, page), "```go\n")[1:] {
			blocks++
			b, _, _ = strings.Cut(b, "```\n")
			indented := strings.ReplaceAll("\t"+strings.TrimSuffix(b, "\n"), "\n", "\n\t")
			if !strings.Contains(source, b) && !strings.Contains(source, indented) {
				t.Errorf("%s shows code that is not compiled:\n%s", page, b)
			}
		}
	}
	if blocks < 6 {
		t.Errorf("%d blocks of Go", blocks)
	}
}

// TestReadmeShowsTheExample holds the Go block of the README against the body of
// Example.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, source := read(t, "README.md"), read(t, "example_test.go")
	block := between(t, readme, "```go\n", "```\n")
	body := between(t, source, "func Example() {\n", "\t// Unordered output:")
	var want strings.Builder
	for _, line := range strings.SplitAfter(body, "\n") {
		want.WriteString(strings.TrimPrefix(line, "\t"))
	}
	if block != want.String() {
		t.Errorf("README.md shows\n%s\nexample_test.go has\n%s", block, want.String())
	}
	if n := strings.Count(block, "\n"); n > 22 {
		t.Errorf("the example has %d lines; the README promises a short one", n)
	}
	if n := strings.Count(readme, "\n"); n > 160 {
		t.Errorf("README.md has %d lines; somebody who chooses reads it to the end", n)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func between(t *testing.T, text, begin, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, begin)
	if !ok {
		t.Fatalf("no %q", begin)
	}
	part, _, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("no %q after %q", end, begin)
	}
	return part
}

// A store with a passphrase asks for it when it is opened.
func ExampleSetPassphrase() {
	dir := filepath.Join(scratch, "passphrase")
	db, err := xaeroflux.Open(dir, nil)
	check(err)
	check(db.Close())
	check(xaeroflux.SetPassphrase(dir, nil, []byte("six words that nobody else knows")))
	fmt.Println(openAsking(dir, "a slip"), openAsking(dir, "six words that nobody else knows"))
	// Output: false true
}

// openAsking reports whether a person who types answer opens a store.
func openAsking(dir, answer string) bool {
	dialog := func(string) ([]byte, error) { return []byte(answer), nil }
	ask := func() ([]byte, error) { return dialog("the passphrase of your notes") }
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Passphrase: ask})
	if errors.Is(err, xaeroflux.ErrPassphrase) {
		// none, or another one: ask again
	}
	return err == nil && db.Close() == nil
}

// A new store is made of the words of a person whose devices are lost.
func ExampleRecover() {
	var phrase, address, dir string // as the person typed it; of somebody who holds something of the person
	again, back, err := xaeroflux.Recover(ctx, dir+"/new", phrase, &xaeroflux.RecoverOptions{
		Peers: []string{address}, RemoveOthers: true, // what was lost reads nothing that follows
	})
	check(err) // ErrWords, ErrOtherWords, or ErrNotFound if nobody was reached
	defer again.Close()
	for _, t := range back.Topics {
		fmt.Println(t.Name, t.State)
	}
}
