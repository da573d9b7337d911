// SPDX-License-Identifier: MPL-2.0

//go:build unix

// Package scripts runs the binary as a person types it: transcripts, each of which
// says what is typed and what is to be printed, in a directory of its own. They are
// in testdata/script, and the commands that only they have are in commands_test.go.
package scripts

import (
	"fmt"
	"os"
	"os/signal"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestMain makes this test binary also the xaeroflux command, and one that holds a store
// without serving anybody.
func TestMain(m *testing.M) {
	storetest.Main(m, map[string]func(){"holdstore": func() { os.Exit(holdStore(os.Args[1])) }})
}

// TestScript runs the transcripts in testdata/script.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setupScript,
		Cmds:                scriptCommands,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Getuid() == 0, nil
			case "mount":
				return canMount(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

func setupScript(e *testscript.Env) error {
	e.Values[processesKey{}] = map[string]*process{}
	e.Setenv("XAEROFLUX_DIR", "")
	e.Setenv("GORACE", storetest.RaceOptions)
	return nil
}

// holdStore opens a store as an embedding program does, says so, and keeps it
// until it is interrupted.
func holdStore(dir string) int {
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer db.Close()
	fmt.Println("holding")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
	return 0
}
