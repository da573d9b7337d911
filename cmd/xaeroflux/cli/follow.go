// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) followCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "follow [LOG | AUTHOR ...]",
		Short: "Fetch and forward only some logs of the topic, or show which",
		Long: `Makes the store fetch and forward only the named logs of the topic, and its own;
an author's key stands for that author's log. What is here of others stays. With
--all, everything is followed again; without arguments, shows what is followed.

A name has 64 hexadecimal digits; of a log or author that is here already, the
beginning is enough. "xaeroflux head --json" lists them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return usage("--all follows every log; leave the names out")
			}
			return a.with(cmd.Context(), func(b backend) error {
				if all || len(args) > 0 {
					f := nodeapi.Followed{All: all}
					heads, err := b.Heads(cmd.Context(), a.topic)
					if err != nil {
						return err
					}
					for _, arg := range args {
						name, err := fullName(arg, heads)
						if err != nil {
							return err
						}
						f.Names = append(f.Names, name)
					}
					if err := b.Follow(cmd.Context(), a.topic, f); err != nil {
						return err
					}
				}
				f, err := b.Followed(cmd.Context(), a.topic)
				if err != nil {
					return err
				}
				return a.print(f, func(w io.Writer) { printFollowed(w, f) })
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "follow all logs of the topic")
	return cmd
}

// fullName returns the id or key that a person named.
func fullName(name string, heads []nodeapi.Head) (full xaeroflux.Name, err error) {
	if full.UnmarshalText([]byte(strings.ToLower(name))) == nil {
		return full, nil
	}
	var found []string
	for _, h := range heads {
		for _, n := range []xaeroflux.Name{xaeroflux.Name(h.Log), xaeroflux.Name(h.Author)} {
			if hasPrefix(n, name) && !slices.Contains(found, n.String()) {
				full, found = n, append(found, n.String())
			}
		}
	}
	switch len(found) {
	case 1:
		return full, nil
	case 0:
		return full, kinded(nodeapi.Unknown, "no log or author here begins with %q; one that is not here yet is named by all 64 digits", name)
	}
	return full, usage("%q may be %s", name, strings.Join(found, " or "))
}

func printFollowed(w io.Writer, f nodeapi.Followed) {
	if f.All {
		fmt.Fprintln(w, "follows all logs of the topic")
		return
	}
	if len(f.Names) == 0 {
		fmt.Fprintln(w, "follows its own log only")
		return
	}
	fmt.Fprintf(w, "follows its own log and %s:\n", counted(len(f.Names), "name"))
	for _, n := range f.Names {
		fmt.Fprintln(w, n)
	}
}

// counted writes how many there are.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
