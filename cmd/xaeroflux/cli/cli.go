// SPDX-License-Identifier: MPL-2.0

// Package cli is the xaeroflux command line: one command a file. Data goes to
// stdout, talk to stderr, and the exit code says how it went (errors.go).
//
// A command asks app.open for a nodeapi.Backend and never knows whether it
// works on a store it opened itself (local.go) or through a node that is
// running on the same directory (internal/nodeapi).
package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// defaultDir is the store's directory if neither --dir nor XAEROFLUX_DIR
// names one: visible, in the current directory, and easy to delete.
const defaultDir = "xaeroflux-store"

// needClosed are the commands that do not work through a running node.
const needClosed = `"repair", "adopt", "words" and "passwd"`

// An app is one run of the command line.
type app struct {
	dir   string
	topic string
	json  bool

	readOnly bool // see --read-only

	pass passphrases
	ctx  context.Context // of the run

	quotas map[string]string // of --quota

	in       io.Reader
	out, err io.Writer
	stdout   io.Writer     // what out writes to
	lines    *bufio.Reader // of in, from which secrets are read
	running  bool          // arguments were fine: an error is none of usage
}

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(secondSignal, stop) })
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if startedWithout(1) {
		a.out = noOutput{}
	}
	if startedWithout(0) {
		a.in = noInput{}
	}
	return a.run(ctx, args)
}

// secondSignal is how long after the first a signal is of the same wish: timeout(1)
// sends it twice. Later ones end the process at once.
const secondSignal = time.Second

// stopSignals are the signals that end a command cleanly. A terminal that is
// closed sends SIGHUP, which nohup has the process ignore.
func stopSignals() []os.Signal {
	all := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

func (a *app) run(ctx context.Context, args []string) int {
	out := newOutput(a.out)
	a.stdout, a.out = a.out, out
	a.ctx = ctx
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	unwritten := out.end()
	if err != nil && !a.running && unwritten == nil && mayBeExternal(cmd, args) {
		code, failed := external(args, err)
		if failed == nil {
			return code
		}
		err = failed
	}
	if err != nil && !a.running && unwritten == nil {
		err = &nodeapi.Error{Kind: nodeapi.Usage, Text: err.Error()}
	}
	if err == nil || !a.running { // help prints without running anything
		err = cmp.Or(unwritten, err)
	}
	if err == nil {
		return exitOK
	}
	return a.fail(cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "xaeroflux",
		Short: "An append-only event store without a server in the middle",
		Long: `Xaeroflux keeps append-only logs of events, proves them with Merkle trees, and
brings them to every device that shares a topic.

Results go to stdout, everything else to stderr. Exit codes: ` + exitText() + `.
While "xaeroflux run" is running, all other commands on the same directory but
` + needClosed + `, which need the store closed, work through it.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			a.running = true
			return a.mayChange(cmd, args)
		},
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetIn(a.in)
	dir := os.Getenv("XAEROFLUX_DIR")
	if dir == "" {
		dir = defaultDir
	}
	f := root.PersistentFlags()
	f.StringVar(&a.dir, "dir", dir, "directory of the store; XAEROFLUX_DIR sets the default")
	f.StringVar(&a.topic, "topic", "", "topic by id, unique beginning of it, or name (default: the store's first)")
	f.StringVar(&a.pass.file, "passphrase-file", os.Getenv(passphraseEnv), "file with the passphrase of the store in its first line, or - for a line of standard input; XAEROFLUX_PASSPHRASE_FILE sets the default (else it is asked for on the terminal, if the store has one)")
	f.BoolVar(&a.pass.keyring, "keyring", keyringDefault(), "take the passphrase from the system's keyring, if --passphrase-file names none, and keep a new one there; XAEROFLUX_KEYRING=1 sets the default")
	f.BoolVar(&a.readOnly, "read-only", false, "change nothing in a store: for a disk that may not be written, and beside others that read; a command that changes one exits 2")
	f.BoolVar(&a.json, "json", false, "print JSON, one object a line: ids and hashes in hex, bytes in base64")
	root.AddCommand(
		a.initCmd(), a.appendCmd(), a.catCmd(), a.getCmd(), a.headCmd(), a.vkeyCmd(), a.proveCmd(), a.verifyCmd(),
		a.runCmd(), a.syncCmd(), a.fetchCmd(), a.gapsCmd(), a.serveCmd(), a.inviteCmd(), a.invitesCmd(), a.asksCmd(), a.joinCmd(), a.topicCmd(), a.membersCmd(), a.devicesCmd(), a.wordsCmd(), a.recoverCmd(), a.rosterCmd(), a.handoverCmd(), a.takeoverCmd(), a.successorCmd(), a.checkCmd(), a.repairCmd(), a.forksCmd(), a.followCmd(), a.statusCmd(), a.networkChangedCmd(), a.adoptCmd(), a.passwdCmd(), a.backupCmd(), a.restoreCmd(), a.actorsCmd(), a.demoCmd(),
	)
	helpWithExternals(root)
	return root
}

// say talks to the person: a line on stderr.
func (a *app) say(format string, args ...any) { fmt.Fprintf(forPeople(a.err), format+"\n", args...) }

// print writes v as a line of JSON with --json, and otherwise calls text.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(v)
	}
	var b bytes.Buffer
	text(&b)
	_, err := a.out.Write(b.Bytes())
	return err
}
