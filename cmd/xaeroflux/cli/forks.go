// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/proof"
)

// forkLine is what people are shown of a fork.
type forkLine struct {
	Log    string   `json:"log"`
	Author string   `json:"author"`
	Topic  string   `json:"topic"`
	Sizes  []uint64 `json:"sizes"` // of the two heads
	Roots  []string `json:"roots"` // the same
	VKey   string   `json:"vkey"`
}

func (a *app) forksCmd() *cobra.Command {
	var log, out string
	cmd := &cobra.Command{
		Use:   "forks",
		Short: "Show the logs whose authors signed two histories",
		Long: `Shows the logs that were forked: their authors signed two heads that cannot both
be true. Such a log is frozen here; what was held of it can be read. With -o,
writes the proof for others, which "xaeroflux verify" checks.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				texts, err := b.Forks(cmd.Context())
				if err != nil {
					return err
				}
				return a.forks(texts, log, out)
			})
		},
	}
	cmd.Flags().StringVar(&log, "log", "", "only this log: id or unique beginning of it")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the proof to this file, or - for stdout; needs --log where there are more")
	return cmd
}

func (a *app) forks(texts [][]byte, log, out string) error {
	var found []proof.Fork
	for _, text := range texts {
		f, err := proof.ParseFork(text)
		if err != nil {
			return err
		}
		if log == "" || names(log, nodeapi.Head{Log: xaeroflux.LogID(f.Log())}) {
			found = append(found, f)
		}
	}
	if log != "" && len(found) == 0 {
		return kinded(nodeapi.Unknown, "no fork of a log %q is known here", log)
	}
	if out != "" {
		return a.writeFork(found, out)
	}
	if len(found) == 0 {
		a.say("no forks")
	}
	for _, f := range found {
		if err := a.print(lineOf(f), func(w io.Writer) { printFork(w, f) }); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) writeFork(found []proof.Fork, path string) error {
	if len(found) == 0 {
		return hint(errors.New("no forks are known here: nothing to write"), "xaeroflux sync ADDRESS, with a peer that knows of one")
	}
	if len(found) != 1 {
		return usage("%d forks are known here; name one with --log", len(found))
	}
	if path == "-" {
		_, err := a.out.Write(found[0].Encode())
		return err
	}
	return os.WriteFile(path, found[0].Encode(), 0o644)
}

func lineOf(f proof.Fork) forkLine {
	return forkLine{
		Log: f.Log().String(), Author: fmt.Sprintf("%x", f.Author), Topic: f.Topic.String(), VKey: f.VKey(),
		Sizes: []uint64{f.Old.Size, f.New.Size}, Roots: []string{f.Old.Root.String(), f.New.Root.String()},
	}
}

func printFork(w io.Writer, f proof.Fork) {
	fmt.Fprintf(w, "log     %s\nauthor  %x\nsigned  %d events with root %s\nand     %d events with root %s\n",
		f.Log(), f.Author, f.Old.Size, f.Old.Root, f.New.Size, f.New.Root)
	if f.Old.Size < f.New.Size {
		fmt.Fprintf(w, "        whose first %d events have root %s\n", f.Old.Size, f.Root)
	}
}

// verifyFork checks a fork file; it carries the key that it is checked with,
// and the log id follows from that.
func (a *app) verifyFork(text []byte, vkey string) error {
	f, err := proof.ParseFork(text)
	if err != nil {
		return err
	}
	if err := f.Verify(); err != nil {
		return err
	}
	if vkey != "" && vkey != f.VKey() {
		return kinded(nodeapi.Proof, "the fork is of log %s, --vkey of another", f.Log())
	}
	v := verifiedFork{true, lineOf(f)}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintln(w, "verified: the author of this log signed two heads that cannot both be true")
		printFork(w, f)
	})
}

// A verifiedFork is a proof of a fork that verified.
type verifiedFork struct {
	Verified bool `json:"verified"` // true
	forkLine
}
