// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// changing are the commands that change a store, or make one. That of a backup is
// only read.
var changing = []string{"init", "run", "append", "sync", "fetch", "serve", "join", "repair", "adopt", "restore", "demo", "handover", "takeover", "words", "passwd", "recover"}

// mayChange refuses --read-only for a command that changes a store.
func (a *app) mayChange(cmd *cobra.Command, args []string) error {
	if a.readOnly && changes(cmd, args) {
		return hint(usage("--read-only: %s changes the store", cmd.Name()), "the same without --read-only")
	}
	return nil
}

func changes(cmd *cobra.Command, args []string) bool {
	if cmd.Name() == "follow" {
		return len(args) > 0 || cmd.Flags().Changed("all")
	}
	if cmd.HasParent() && cmd.Parent().Name() == "topic" {
		return cmd.Name() != "list"
	}
	if ofDevices(cmd) {
		return cmd.Name() != "devices"
	}
	if ofInvites(cmd) {
		return cmd.Name() != "invites"
	}
	if ofMembers(cmd) {
		return cmd.Name() != "members"
	}
	if cmd.HasParent() && slices.Contains([]string{"roster", "successor"}, cmd.Parent().Name()) {
		return cmd.Name() != "propose" && cmd.Name() != "sign" // they write nothing
	}
	return slices.Contains(changing, cmd.Name())
}
