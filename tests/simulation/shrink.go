// SPDX-License-Identifier: MPL-2.0

package simulation

import "fmt"

// Shrink returns the options with the fewest kinds of faults that still fail:
// one after the other is left out, and put back where all is well without it.
func Shrink(opt Options) Options {
	opt.Watch = nil
	for f := range allFaults {
		less := opt
		if less.Faults &^= 1 << f; less.Faults != opt.Faults && Simulate(less).Wrong != "" {
			opt = less
		}
	}
	return opt
}

// Replay is the command that runs the same again.
func Replay(opt Options) string {
	cmd := fmt.Sprintf("go run ./tests/simulation/run -seed %d", opt.Seed)
	if opt.Peers > 0 {
		cmd += fmt.Sprintf(" -peers %d", opt.Peers)
	}
	if opt.Topics > 0 {
		cmd += fmt.Sprintf(" -topics %d", opt.Topics)
	}
	if opt.Faults != AllFaults {
		cmd += fmt.Sprintf(" -faults %q", opt.Faults.String())
	}
	if opt.Control != Sound {
		cmd += " -control " + string(opt.Control)
	}
	return cmd
}
