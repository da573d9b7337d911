// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// nextInUse is next for a store that another process has open. A command that needs the
// store closed cannot work through a node.
func nextInUse(cmd *cobra.Command, err error) string {
	var locked *durable.LockedError
	errors.As(err, &locked)
	switch {
	case slices.Contains([]string{"repair", "adopt", "words", "passwd", "recover"}, cmd.Name()):
		return fmt.Sprintf("stop that process (a node ends with ctrl-C), then repeat: %s needs the store closed", cmd.Name())
	case cmd.Name() == "restore":
		return "another directory; or stop the process that has this store open, and move the store away"
	case cmd.Name() == "run" && locked == nil:
		return "leave that node to it, or stop it with ctrl-C first"
	case locked != nil && isNode(locked.PID):
		return fmt.Sprintf("the same again in a moment: process %d is a node that opens or closes the store, and takes no commands meanwhile", locked.PID)
	}
	return "wait until that process has ended, or stop it; commands share a store only with `xaeroflux run`"
}

// isNode reports whether a process is known to be `xaeroflux run`.
func isNode(pid int) bool {
	program, command := durable.ProcessOf(pid).Command()
	return program == "xaeroflux" && command == "run"
}

// nextSilent is next for a node that does not answer.
func nextSilent(err error) string {
	var silent *nodeapi.SilentError
	if !errors.As(err, &silent) || silent.PID == 0 {
		return "look what keeps the node from running, or end it and start it again; what was acknowledged is safe"
	}
	if silent.State == "stopped" {
		return fmt.Sprintf("kill -CONT %d, which lets it go on; what was acknowledged is safe", silent.PID)
	}
	return fmt.Sprintf("look what keeps process %d from running (memory, descriptors, the disk); kill %d ends it, what was acknowledged is safe", silent.PID, silent.PID)
}

// nextRestart is next for a node whose store became read-only: it stays so until the
// node is started again, even if there is room since.
func nextRestart(k nodeapi.Kind, pid int) string {
	first := "look at the disk"
	if k == nodeapi.NoSpace {
		first = "make room on the disk"
	}
	if k == nodeapi.Denied {
		first = "let the node write its files"
	}
	end := "ctrl-C"
	if pid > 0 {
		end += fmt.Sprintf(", or kill %d", pid)
	}
	return fmt.Sprintf("%s, then end the node (%s) and start it again, which it needs even if that is done; "+
		"then again, append with --resume if a token was printed; what was acknowledged is safe", first, end)
}
