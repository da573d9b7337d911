// SPDX-License-Identifier: MPL-2.0

package messages

// AppendReady tells the AOF writer that the ingress holds something to commit.
type AppendReady struct{}
