// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) wordsCmd() *cobra.Command {
	var noTerminal bool
	cmd := &cobra.Command{
		Use:   "words",
		Short: "Show 24 words, once, from which everything can be had again",
		Long: `Draws 24 words and shows them once: write them down on paper, and keep them where
nobody finds them. From them all that you have in topics can be had again on a new
device, if this one is lost, and only they lead to the keys of topics that you found
from then on. Three of them are asked back. The words are stored nowhere; whoever reads
them can be you.

It makes this store the first of your devices: "xaeroflux devices link" adds others. It
needs the store closed, and a terminal. A program that shows the words to a person
itself says --no-terminal: it is printed one line of them, and has to give it back on
standard input.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			confirm := a.confirmThree
			if noTerminal {
				confirm = a.confirmAll
			} else if !terminal(a.in) || !terminal(a.stdout) {
				return hint(usage("words are shown to a person: standard input and output are no terminal"), "xaeroflux words, in a terminal; a program that shows them says --no-terminal")
			}
			db, err := a.openStore(&xaeroflux.Options{MustExist: true})
			if err != nil {
				return err
			}
			err = db.Words(cmd.Context(), confirm)
			if closed := db.Close(); err == nil {
				err = closed
			}
			if err == nil {
				a.say("done: this store is the first of your devices; add others with `xaeroflux devices link`")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&noTerminal, "no-terminal", false, "print the words on one line, and read that line back")
	return cmd
}

// confirmThree shows the words and asks three of them back.
func (a *app) confirmThree(phrase string) error {
	words := strings.Fields(phrase)
	showWords(a.out, words)
	a.say("write these words down; they are not shown again. Then type the words that are asked for.")
	asked, err := three(len(words))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(a.stdin())
	for _, i := range asked {
		fmt.Fprintf(a.err, "word %d: ", i+1)
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return err
			}
			return unconfirmed("nothing was typed for word %d", i+1)
		}
		if got := strings.ToLower(strings.TrimSpace(lines.Text())); got != words[i] {
			return unconfirmed("word %d is another one", i+1)
		}
	}
	return nil
}

// showWords prints the words in three columns, each with its number.
func showWords(w io.Writer, words []string) {
	rows := (len(words) + 2) / 3
	for i := range rows {
		for j := i; j < len(words); j += rows {
			fmt.Fprintf(w, "%4d  %-10s", j+1, words[j])
		}
		fmt.Fprintln(w)
	}
}

// three returns three places of n, in order.
func three(n int) (at []int, err error) {
	for len(at) < 3 {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(at, int(i.Int64())) {
			at = append(at, int(i.Int64()))
		}
	}
	slices.Sort(at)
	return at, nil
}

// confirmAll hands the words to a program, which gives them back.
func (a *app) confirmAll(phrase string) error {
	if _, err := fmt.Fprintln(a.out, phrase); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin(), maxSecret)).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if !slices.Equal(strings.Fields(strings.ToLower(line)), strings.Fields(phrase)) {
		return unconfirmed("what came back is not the line that was printed")
	}
	return nil
}

// unconfirmed says that the words are thrown away.
func unconfirmed(format string, args ...any) error {
	return hint(usage(format+": nothing was kept, and these words are good for nothing", args...), "xaeroflux words, which draws others")
}
