// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
)

// errNoRoom is what a write to /dev/full says.
var errNoRoom = errors.New("no space left on device")

type fullDevice struct{}

func (fullDevice) Write([]byte) (int, error) { return 0, errNoRoom }

// full returns an output on which nothing can be written.
func full(t *testing.T) io.Writer {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return fullDevice{}
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestOutputThatCannotBeWritten runs every command with an output that is full:
// none says that it went well.
func TestOutputThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &errs}
		if code := a.run(t.Context(), args); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, &errs)
		}
		return strings.TrimSpace(out.String())
	}
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	lines := write("lines.txt", "one")
	must("init", "--open", "--dir", at("s"))
	must("append", "--dir", at("s"), lines)
	must("backup", "--dir", at("s"), at("backup"))
	vkey, invite := must("vkey", "--dir", at("s")), must("invite", "--dir", at("s"))
	proof, note := write("proof", must("prove", "--dir", at("s"), "0")), write("note", must("head", "--note", "--dir", at("s")))
	peer, err := xaeroflux.Open(at("peer"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	addr, err := peer.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	moved := at("moved") // a copy, which adopt has something to do with
	must("restore", at("backup"), moved)

	rows := map[string][][]string{
		"actors":          {{"actors"}},
		"adopt":           {{"adopt", "--dir", moved}},
		"append":          {{"append", lines}, {"append", "--acks", lines}},
		"backup":          {{"backup", at("backup")}, {"backup", "-"}, {"backup", "--verify", at("backup")}},
		"cat":             {{"cat"}},
		"check":           {{"check"}, {"check", "--plan"}},
		"completion":      {{"completion", "bash"}},
		"demo":            {{"demo", lines}},
		"asks":            {{"asks"}},
		"devices":         {{"devices"}},
		"invites":         {{"invites"}},
		"fetch":           {{"fetch", peer.Topics()[0].Log().ID().String(), "--peer", addr.String()}},
		"follow":          {{"follow"}},
		"gaps":            {{"gaps"}},
		"get":             {{"get", "0"}},
		"head":            {{"head"}, {"head", "--note"}, {"head", "--cosigned", "0"}},
		"help":            {{"help"}, {"help", "head"}, {"--help"}, {"head", "--help"}, {"--version"}},
		"init":            {{"init", "--dir", at("new")}},
		"invite":          {{"invite"}},
		"join":            {{"join", invite, "--dir", at("joined")}},
		"members":         {{"members"}},
		"passwd":          {{"passwd", "--remove"}},
		"prove":           {{"prove", "0"}, {"prove", "--consistency", "1"}},
		"repair":          {{"repair", "--offline"}},
		"restore":         {{"restore", at("backup"), at("restored")}},
		"roster":          {{"roster"}},
		"run":             {{"run", "--quiet"}},
		"status":          {{"status"}},
		"successor":       {{"successor"}, {"successor", "key"}},
		"sync":            {{"sync", addr.String()}},
		"topic":           {{"topic"}, {"topic", "list"}, {"topic", "create", "new"}},
		"verify":          {{"verify", "--vkey", vkey, proof}, {"verify", "--vkey", vkey, note}},
		"vkey":            {{"vkey"}},
		"forks":           nil, // prints nothing if there is none
		"network-changed": nil, // prints nothing
		"handover":        nil, // it takes two devices, and prints what roster does
		"words":           nil, // it asks a person
		"recover":         nil, // of another person's device that is gone
		"takeover":        nil, // as roster, of a topic that has members
		"serve":           nil, // what it prints is for a peer, whose end ends it
	}
	if _, err := peer.Append(t.Context(), xaeroflux.Event{Payload: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		tries, known := rows[c.Name()]
		if !known {
			t.Errorf("%s: how is it run?", c.Name())
		}
		for _, args := range tries {
			t.Run(c.Name(), func(t *testing.T) { runFull(t, at("s"), args) })
		}
	}
}

func runFull(t *testing.T, dir string, args []string) {
	t.Setenv("XAEROFLUX_DIR", dir)
	var errs bytes.Buffer
	a := &app{in: strings.NewReader(""), out: full(t), err: &errs}
	code := a.run(t.Context(), args)
	if code != exitFailure || !strings.Contains(errs.String(), "standard output: ") || !strings.Contains(errs.String(), errNoRoom.Error()) {
		t.Errorf("%v: exit code %d, want %d: %s", args, code, exitFailure, &errs)
	}
}
