// SPDX-License-Identifier: MPL-2.0

// Command conformance plays the other end of XSP against any program that speaks
// it, and says which sentence of docs/xsp.md the program broke:
//
//	go run ./tests/conformance -invites
//	go run ./tests/conformance -tcp 127.0.0.1:4040 -peer PEERID
//	go run ./tests/conformance -unix /run/program.sock
//	go run ./tests/conformance -quic 127.0.0.1:4040 -peer PEERID
//	go run ./tests/conformance -- xaeroflux serve --stdio --dir store
//
// The program listens, has joined the topics of the two invites, and has appended
// nothing to them. A command is started once for each session, with the connection
// on its standard input and output. Scenarios build on each other; a store is good
// for one run.
//
// Start with scenarios.go. The program's messages are judged by judge.go, and by the
// suite's own side of the conversation in talk.go, round.go, list.go and pull.go.
// Nothing of package syncer is used: the suite was written from the page.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	var r reach
	var only, out string
	var invites, list, verbose bool
	patient := flag.Duration("timeout", 20*time.Second, "how long the program may take over anything that it owes")
	flag.StringVar(&r.tcp, "tcp", "", "`HOST:PORT` where the program listens by TCP")
	flag.StringVar(&r.unix, "unix", "", "`PATH` of the unix socket where it listens")
	flag.StringVar(&r.quic, "quic", "", "`HOST:PORT` where it listens by QUIC")
	flag.StringVar(&r.peer, "peer", "", "its peer `ID`, for -tcp and -quic")
	flag.StringVar(&only, "run", "", "run the scenarios that match this `REGEXP` only")
	flag.StringVar(&out, "record", "", "write all sessions to this `FILE`, a JSON object a line")
	flag.BoolVar(&invites, "invites", false, "print the invites that the program has to join")
	flag.BoolVar(&list, "list", false, "print the scenarios")
	flag.BoolVar(&verbose, "v", false, "pass on what the command prints on stderr")
	flag.Parse()
	s := newSuite()
	switch {
	case invites:
		for _, t := range s.topics[:joined] {
			fmt.Println(t.text())
		}
		return
	case list:
		for _, sc := range scenarios() {
			fmt.Println(sc.name)
		}
		return
	}
	r.command, s.patient = flag.Args(), *patient
	if verbose {
		r.stderr = os.Stderr
	}
	if err := r.check(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			os.Exit(2)
		}
		defer f.Close()
		s.record = newRecording(f, s.topics)
	}
	s.reach = r
	match, err := regexp.Compile(only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if failed := s.runAll(os.Stdout, match); failed > 0 {
		os.Exit(1)
	}
}
