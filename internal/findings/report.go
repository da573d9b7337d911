// SPDX-License-Identifier: MPL-2.0

package findings

// A Report is what a check looked at and what it found wrong.
type Report struct {
	Logs     int // of events; a topic's roster is none of them
	Rosters  int // that were looked at like logs
	Events   uint64
	Pages    uint64
	Bytes    int64     // of events, as records
	Findings []Finding // at most Max
	More     int       // further ones that were counted only
	// Copy is why the store is taken for a copy, if it is: what differs of the
	// place that it is in. The next program that opens it makes it a new device.
	Copy string
	// Own are the logs that the store appends to and that do not go on. They are no
	// damage.
	Own []OwnLog
}

// Add adds a finding, or counts it.
func (r *Report) Add(f Finding) {
	if len(r.Findings) >= Max {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

// Found returns how many flaws there are.
func (r *Report) Found() int { return len(r.Findings) + r.More }
