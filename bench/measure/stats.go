// SPDX-License-Identifier: MPL-2.0

// Package measure is what the benchmark reads from the machine, and the
// statistics it makes of it.
package measure

import (
	"math"
	"slices"
	"time"
)

// Median returns the middle of values, or the mean of the two middle ones;
// NaN for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// Range returns the smallest and the largest of values; NaN for none.
func Range(values []float64) (lo, hi float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(values), slices.Max(values)
}

// Quantile returns the smallest duration that at least a share q of all are
// not above; 0 for none. It sorts durations.
func Quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	at := int(math.Ceil(q*float64(len(durations)))) - 1
	return durations[min(max(at, 0), len(durations)-1)]
}
