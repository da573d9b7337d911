// SPDX-License-Identifier: MPL-2.0

package messages

// The messages of the pipeline, in the order in which an event meets them:
//
//	AppendReady  ingress -> aof      something waits to be committed
//	Release      timer   -> aof      hand on what is held back
//	Batch        aof     -> segment  durable events of one log
//	Pages        session -> segment  verified whole pages of one log
//	Batch        segment -> trees    the same, with the pages it sealed
//	Batch        trees   -> mmr      the same, with the compact ranges of those pages
//	Sealed       mmr     -> aof      pages, trees and mountains below here are synced
//	Durable      aof     -> mmr      an import up to here is committed and may be published
//	Reset        any     -> segment  forget a log's state and take it up at its cursor
//
// Inside one process a message travels as a pointer. Its sender gives
// it up: a receiver may keep its slices.
//
// An Append waits in the ingress until AppendReady is answered. Each message
// has a file of its own. None has a wire form: a peer cannot send one.
