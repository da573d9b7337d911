// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) passwdCmd() *cobra.Command {
	var file string
	var remove bool
	cmd := &cobra.Command{
		Use:   "passwd",
		Short: "Set, change or remove the passphrase of the store",
		Long: `Seals identity.key with a passphrase. All that opens something lies sealed in a
store, under the seed in that file; so with a passphrase nothing on the disk opens
what sealed topics hold, and whoever has the disk alone reads none of it. Events of
topics that are not sealed stay readable.

The new passphrase is asked for twice on the terminal, or is the first line of the
file that --new names, or of standard input with "--new -"; the one that the store
has comes from --passphrase-file, or is asked for. With --remove the store has none
afterwards. Only identity.key is written anew, which is an age file then, so that
` + "`age -d identity.key`" + ` opens it too. Keep the passphrase: without it the store is lost,
and nobody can reset it.

What lay on the disk before may stay on it, and opens what the store holds from now
on as well: on a flash disk, a passphrase that was there from ` + "`xaeroflux init --passphrase`" + `
on protects more than one that was set later. A backup has the passphrase that
the store had when it was made; remove backups of the time without one.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if remove && file != "" {
				return usage("--remove and --new: a store has a passphrase, or it has none")
			}
			return a.passwd(file, remove)
		},
	}
	cmd.Flags().StringVar(&file, "new", "", "file with the new passphrase in its first line, or - for a line of standard input")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove the passphrase")
	return cmd
}

// A passwdResult is what passwd prints.
type passwdResult struct {
	Passphrase bool `json:"passphrase"` // the store has one
}

func (a *app) passwd(file string, remove bool) error {
	had, err := xaeroflux.HasPassphrase(a.dir)
	if err != nil {
		return errors.Join(a.opened(), err)
	}
	if had { // it is asked for first, as a person expects
		if _, err := a.passphrase(); err != nil {
			return fmt.Errorf("%w: %w", xaeroflux.ErrPassphrase, err)
		}
	}
	var next []byte
	if !remove {
		if next, err = a.newPassphrase(file); err != nil {
			return err
		}
	}
	defer clear(next)
	if err := xaeroflux.SetPassphrase(a.dir, a.passphrase, next); err != nil {
		return err
	}
	if err := a.toKeyring(next); err != nil {
		return fmt.Errorf("the store has its new passphrase (or none), and the keyring does not know: %w", err)
	}
	return a.print(passwdResult{!remove}, func(w io.Writer) { fmt.Fprintln(w, passwdText(had, remove)) })
}

// opened returns why there is no store to open, if so.
func (a *app) opened() error {
	_, err := xaeroflux.PlanOf(a.dir, nil)
	return err
}

func passwdText(had, remove bool) string {
	switch {
	case remove && had:
		return "the store has no passphrase any more: whoever reads identity.key reads all that it holds"
	case remove:
		return "the store had no passphrase"
	case had:
		return "the store has another passphrase; backups made before have the one of then"
	}
	return "the store has a passphrase; backups made before have none, and open what it holds from now on too"
}
