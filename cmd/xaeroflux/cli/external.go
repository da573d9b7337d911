// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// An external command `xaeroflux x` is a program xaeroflux-x: heavy parts have
// modules and programs of their own, which this one does not link. It is looked
// for beside this program first, so that parts that were installed together
// work together, and then in PATH.
const externalPrefix = "xaeroflux-"

var externalName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// external runs args as an external command, if cobra found none of ours. It has
// this process's files and environment, its signals and its exit code. Without
// such a program, unknown is returned with one more sentence.
func external(args []string, unknown error) (code int, err error) {
	name := externalPrefix + args[0]
	path, err := findExternal(name)
	if err != nil {
		return 0, fmt.Errorf("%w, and no program %s is beside this one or in PATH; see `xaeroflux help`", unknown, name)
	}
	if code, err = become(path, args[1:]); err != nil {
		return 0, fmt.Errorf("%s cannot be run: %w", path, err)
	}
	return code, nil
}

// mayBeExternal reports whether cobra ended with an unknown command that can be
// the name of a program.
func mayBeExternal(cmd *cobra.Command, args []string) bool {
	return !cmd.HasParent() && len(args) > 0 && externalName.MatchString(args[0])
}

func findExternal(name string) (string, error) {
	if dir, err := ownFolder(); err == nil {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// ownFolder is where this program's file is.
func ownFolder() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", err
	}
	return filepath.Dir(self), nil
}

// externals names the external commands that are beside this program.
func externals() (names []string) {
	dir, err := ownFolder()
	if err != nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Clean(dir), externalPrefix+"*"))
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), externalPrefix), ".exe")
		if _, err := exec.LookPath(file); err == nil && externalName.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// helpWithExternals adds the external commands to the help of the whole program.
func helpWithExternals(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		help(cmd, args)
		if names := externals(); cmd == root && len(names) > 0 {
			io.WriteString(cmd.OutOrStdout(), "\nPrograms beside this one that are commands, too:\n  "+strings.Join(names, "\n  ")+"\n")
		}
	})
}
