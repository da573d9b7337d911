// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/xaeroflux/xaeroflux/cmd/xaeroflux/cli"
	"github.com/xaeroflux/xaeroflux/tests/reliability/child"
	"github.com/xaeroflux/xaeroflux/tests/reliability/edges"
	"github.com/xaeroflux/xaeroflux/tests/reliability/flips"
)

// children are what the program does as a child of a harness, which names it in
// the first argument.
var children = map[string]func(ctx context.Context, args []string) error{
	"child-load":    child.Run,
	"child-node":    func(_ context.Context, args []string) error { os.Exit(cli.Main(args)); return nil },
	edges.ChildName: edges.Child,
	"child-flips": func(ctx context.Context, args []string) error {
		seed, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return err
		}
		from, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		to, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return flips.Child(ctx, args[0], seed, from, to)
	},
}

// runChild runs the program as a child, if it is one, and does not return then.
func runChild() {
	if len(os.Args) < 2 || children[os.Args[1]] == nil {
		return
	}
	if err := children[os.Args[1]](context.Background(), os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
