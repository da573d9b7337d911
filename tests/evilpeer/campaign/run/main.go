// SPDX-License-Identifier: MPL-2.0

// Command run makes a campaign of hostile frames against a store in a
// temporary directory:
//
//	go run ./tests/evilpeer/campaign/run -frames 10000000 -seed 1
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/xaeroflux/xaeroflux/tests/evilpeer/campaign"
)

func main() {
	frames := flag.Int("frames", 10_000, "how many frames")
	seed := flag.Uint64("seed", 1, "what they are made from")
	flag.Parse()
	r, err := campaign.Run(*frames, *seed)
	fmt.Printf("%d frames in %d sessions, heap grew by %d KiB at most, %d goroutines left\n", r.Frames, r.Sessions, r.HeapGrowth>>10, r.Goroutines)
	for code, n := range r.Refusals {
		fmt.Printf("%12d  %s\n", n, code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
