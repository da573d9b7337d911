// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// maxDays is more days than anything is to last.
const maxDays = 36500

var errWhen = errors.New("want a time from now as 7d, 36h or 1d12h, or a day as 2027-01-31, of which it is the end (UTC), or a time as 2027-01-31T18:00:00Z")

// parseWhen reads a time to come.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return future(at.AddDate(0, 0, 1).Add(-time.Second), now)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return future(at, now)
	}
	d, err := parseDays(text)
	if err != nil {
		return time.Time{}, errWhen
	}
	return future(now.Add(d), now)
}

func future(at, now time.Time) (time.Time, error) {
	if at.Sub(now) < time.Second {
		return time.Time{}, errors.New("that is over already")
	}
	if at = at.UTC(); at.Year() > 9999 { // RFC 3339, which JSON tells times in, ends there
		return time.Time{}, errors.New("that is behind the year 9999")
	}
	return at.Truncate(time.Second), nil
}

// parseDays reads a duration that may begin with days.
func parseDays(text string) (time.Duration, error) {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil || n > maxDays {
		return 0, errWhen
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	if err == nil && more < 0 {
		err = errWhen
	}
	return d + more, err
}
