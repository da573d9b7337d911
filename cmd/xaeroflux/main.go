// SPDX-License-Identifier: MPL-2.0

// Command xaeroflux is the Xaeroflux node and the commands that work on its
// store. `xaeroflux demo` shows it at work; `xaeroflux help` lists the rest.
package main

import (
	"os"

	"github.com/xaeroflux/xaeroflux/cmd/xaeroflux/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
