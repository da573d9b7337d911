// SPDX-License-Identifier: MPL-2.0

// Command ladder prints how many bytes two peers send each other to find out which
// logs of a topic differ: by real sessions of package syncer over stores that
// are made up, beside a full list and range-based reconciliation of the same
// sets. The table is in docs/ladder.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A cost is what finding out took.
type cost struct {
	bytes, flights int // flights: messages that had to wait for each other
	found          int
}

// A method finds the logs in which two stores differ.
type method struct {
	name string
	find func(a, b *stock, before digest.Set) cost
}

var methods = []method{
	{"full frontier", fullFrontier},
	{"range-based", rangeBased},
	{"ours, with cursor", withCursor},
	{"ours, cold", cold},
}

func main() {
	logs := flag.Int("n", 0, "logs of the topic; 0 prints the tables of 100,000 and of 1,000,000")
	counts := flag.String("d", "0,100,1000,10000", "numbers of logs that differ")
	flag.Parse()
	var ds []int
	for _, f := range strings.Split(*counts, ",") {
		var d int
		if _, err := fmt.Sscan(f, &d); err != nil {
			fmt.Fprintf(os.Stderr, "ladder: -d %q: %v\n", *counts, err)
			os.Exit(2)
		}
		ds = append(ds, d)
	}
	ns := []int{100_000, 1_000_000}
	if *logs > 0 {
		ns = []int{*logs}
	}
	for _, n := range ns {
		if err := table(n, ds); err != nil {
			fmt.Fprintln(os.Stderr, "ladder:", err)
			os.Exit(1)
		}
	}
}

// table prints a row for each method at n logs.
func table(n int, ds []int) error {
	fmt.Printf("| %d logs |", n)
	for _, d := range ds {
		fmt.Printf(" d=%d | round trips |", d)
	}
	fmt.Print("\n|---|" + strings.Repeat("---|", 2*len(ds)) + "\n")
	stocks := newMaker(n)
	for _, m := range methods {
		fmt.Printf("| %s |", m.name)
		for _, d := range ds {
			a, b, before := stocks.pair(d)
			c := m.find(a, b, before)
			if c.found != d {
				return fmt.Errorf("%s found %d logs of %d", m.name, c.found, d)
			}
			fmt.Printf(" %s | %g |", readable(c.bytes), float64(c.flights)/2)
		}
		fmt.Println()
	}
	fmt.Println()
	return nil
}

func readable(bytes int) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%d KB", (bytes+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
