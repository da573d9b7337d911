// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"testing"
	"time"
)

func TestParseWhen(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 500, time.UTC)
	for text, want := range map[string]string{
		"7d": "2026-12-04T12:00:00Z", "1d12h": "2026-11-29T00:00:00Z", "36h": "2026-11-29T00:00:00Z", "1s": "2026-11-27T12:00:01Z",
		"2026-11-27": "2026-11-27T23:59:59Z", "2027-01-31": "2027-01-31T23:59:59Z", "9999-12-31": "9999-12-31T23:59:59Z", "2027-01-31T18:00:00+01:00": "2027-01-31T17:00:00Z",
	} {
		if at, err := parseWhen(text, now); err != nil || at.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v, want %s", text, at, err, want)
		}
	}
	for _, text := range []string{
		"", "d", "7", "7w", "-7d", "7d-1h", "7dd", "0d", "500ms", "99999d", "36501d", "+1d", "1.5d", "-1h", "2026-11-26", "2026-13-01", "2026-11-27T11:59:59Z", "tomorrow", "999999999h", "9999-12-31T23:59:59-05:00",
	} {
		if at, err := parseWhen(text, now); err == nil {
			t.Errorf("%q is %v", text, at)
		}
	}
}
