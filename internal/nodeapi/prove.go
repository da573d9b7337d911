// SPDX-License-Identifier: MPL-2.0

package nodeapi

// Prove asks for a proof under the newest head of a log: that an event is in it,
// or that it only appends to an older size.
type Prove struct {
	Topic    string `json:"topic,omitempty"`
	Log      string `json:"log,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`      // of the event, or the older size
	Grown    bool   `json:"grown,omitempty"`    // Seq is an older size
	Cosigned *int   `json:"cosigned,omitempty"` // under a head that so many peers cosigned; 0: of what is at hand
}
