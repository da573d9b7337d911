// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Tests that may kill their process run it as a child: the test binary again,
// with the role and its argument in the environment.
const (
	roleEnv = "XAEROFLUX_AOF_ROLE"
	argEnv  = "XAEROFLUX_AOF_ARG"
)

var roles = map[string]func(arg string) error{
	"commit": commitUntilKilled,
	"damage": damageAll,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		if err := roles[role](os.Getenv(argEnv)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts a role; its lines of output come through the scanner.
func child(t *testing.T, role, arg string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role, argEnv+"="+arg)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// runChild waits for a role's end and wants it to succeed.
func runChild(t *testing.T, role, arg string) []string {
	t.Helper()
	cmd, out := child(t, role, arg)
	var lines []string
	for out.Scan() {
		lines = append(lines, out.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v; its last words:\n%s", role, err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	}
	return lines
}

func put(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if err := s.Commit(func(tx *Txn) error { return tx.Put(Meta, []byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s *Store, key string) (value string) {
	t.Helper()
	err := s.View(func(v *View) error {
		b, _, err := v.Get(Meta, []byte(key))
		value = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}
