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

	"github.com/zalando/go-keyring"
)

// TestKeyring: the passphrase of a store is kept in the system's keyring and taken from
// there, only if that is asked for; a change reaches it, and so does the end.
func TestKeyring(t *testing.T) {
	keyring.MockInit()
	dir := filepath.Join(t.TempDir(), "store")
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	kept := func() string {
		got, err := keyring.Get(keyringService, dir)
		if err != nil && !errors.Is(err, keyring.ErrNotFound) {
			t.Fatal(err)
		}
		return got
	}
	do := func(code int, args ...string) string {
		t.Helper()
		got, text := inTest(t, dir, args...)
		if got != code {
			t.Fatalf("%q exits %d, want %d: %s", args, got, code, text)
		}
		return text
	}
	do(exitOK, "init", "--passphrase", "--passphrase-file", file("one"))
	if kept() != "" {
		t.Error("kept without being asked to")
	}
	do(exitFailure, "head", "--keyring")
	do(exitOK, "passwd", "--keyring", "--passphrase-file", file("one"), "--new", file("two"))
	if got := kept(); got != "two" {
		t.Errorf("kept is %q", got)
	}
	do(exitFailure, "head")
	do(exitOK, "head", "--keyring")
	do(exitOK, "passwd", "--keyring", "--new", file("three"))
	do(exitOK, "head", "--keyring")
	if text := do(exitUsage, "passwd", "--keyring", "--new", file("\xff\xfe")); !strings.Contains(text, "UTF-8") {
		t.Errorf("a passphrase that is no text: %s", text)
	}
	do(exitOK, "passwd", "--keyring", "--remove")
	if kept() != "" {
		t.Error("it is kept still")
	}
}

// TestNoKeyring: a system without one says so, and what to do.
func TestNoKeyring(t *testing.T) {
	keyring.MockInitWithError(errors.New("no bus"))
	t.Cleanup(keyring.MockInit)
	dir := filepath.Join(t.TempDir(), "store")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inTest(t, dir, "init", "--passphrase", "--passphrase-file", secret)
	code, text := inTest(t, dir, "head", "--keyring")
	if code == exitOK || !strings.Contains(text, "no bus") || !strings.Contains(text, "--passphrase-file") {
		t.Errorf("exits %d: %s", code, text)
	}
	if code, text := inTest(t, dir, "head", "--keyring", "--passphrase-file", secret); code != exitOK {
		t.Errorf("with a file beside it exits %d: %s", code, text)
	}
}

// inTest runs a command with nothing on its standard input, and returns its exit code and
// what it said to the person.
func inTest(t *testing.T, dir string, args ...string) (int, string) {
	t.Helper()
	var said bytes.Buffer
	code := (&app{in: strings.NewReader(""), out: io.Discard, err: &said}).run(t.Context(), append(args, "--dir", dir))
	return code, said.String()
}
