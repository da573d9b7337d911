// SPDX-License-Identifier: MPL-2.0

package messages

// Release tells the AOF writer to hand on the published events that it holds back.
type Release struct{}
