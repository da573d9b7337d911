// SPDX-License-Identifier: MPL-2.0
//go:build !broken

// Package sabotage breaks the engine on purpose, in builds with the tag broken:
// a harness that finds no loss in such a build proves nothing. In every other
// build its constants are false and what asks them is not compiled.
package sabotage

const (
	// NoSync makes every sync do nothing.
	NoSync = false
	// NoChecksum believes pages and chunks whatever their checksums say.
	NoChecksum = false
	// NoReplay lets a stage that restarted wait for what comes, instead of
	// taking up what was under way.
	NoReplay = false
	// NoProof believes events and pages of peers that do not lead to the root of
	// their head.
	NoProof = false
)
