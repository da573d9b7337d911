// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// A suite is one run against one program.
type suite struct {
	reach    reach
	patient  time.Duration
	topics   []*topic // two that the program is in, and one that it is not
	record   *recording
	scenario string
	open     []*peer // of the scenario
}

// A scenario is a session, or a few, with what the program has to do in them.
type scenario struct {
	name string
	play func(s *suite) error
}

const joined = 2 // topics that the program is in: the first

func newSuite() *suite {
	return &suite{patient: 20 * time.Second, topics: []*topic{newTopic("one"), newTopic("two"), newTopic("three")}}
}

func (s *suite) one() *topic    { return s.topics[0] }
func (s *suite) two() *topic    { return s.topics[1] }
func (s *suite) absent() *topic { return s.topics[2] }

// run plays one scenario.
func (s *suite) run(sc scenario) error {
	s.scenario = sc.name
	defer s.hangUp()
	return sc.play(s)
}

// hangUp closes what is open.
func (s *suite) hangUp() {
	for _, p := range s.open {
		p.close()
	}
	s.open = nil
}

// runAll plays the scenarios that match, and returns how many failed.
func (s *suite) runAll(out io.Writer, match *regexp.Regexp) (failed int) {
	played := 0
	for _, sc := range scenarios() {
		if !match.MatchString(sc.name) {
			continue
		}
		played++
		if err := s.run(sc); err != nil {
			failed++
			fmt.Fprintf(out, "FAIL  %s\n    %s\n", sc.name, strings.ReplaceAll(err.Error(), "\n", "\n    "))
			continue
		}
		fmt.Fprintf(out, "ok    %s\n", sc.name)
	}
	fmt.Fprintf(out, "%d scenarios, %d failed\n", played, failed)
	return failed
}
