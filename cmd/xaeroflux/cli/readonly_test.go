// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"slices"
	"testing"
)

// TestReadOnlyIsOneRule says of every command whether it goes with --read-only.
func TestReadOnlyIsOneRule(t *testing.T) {
	reads := []string{
		"actors", "backup", "cat", "check", "forks", "gaps", "get", "head", "invite", "network-changed", "prove", "status", "verify", "vkey", "follow", "topic", "list", "successor", "propose", "sign", "members", "devices", "roster", "invites", "asks",
		"completion", "help",
	}
	all := (&app{}).root().Commands()
	for _, c := range all {
		if slices.Contains([]string{"topic", "members", "devices", "roster", "successor", "invites"}, c.Name()) {
			all = append(all, c.Commands()...)
		}
	}
	for _, c := range all {
		err := (&app{readOnly: true}).mayChange(c, nil)
		if (err == nil) != slices.Contains(reads, c.Name()) || err != nil && exitCode(kindOf(err)) != exitUsage {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
}
