// SPDX-License-Identifier: MPL-2.0

package main

import "fmt"

// A rule is a sentence of docs/xsp.md, word by word; a test holds each against
// the page.
type rule string

// A broken is a rule that the program broke.
type broken struct {
	rule rule
	what string
}

func (b *broken) Error() string {
	return fmt.Sprintf("%s\n    docs/xsp.md says: %s", b.what, string(b.rule))
}

func (r rule) broken(format string, args ...any) error {
	return &broken{rule: r, what: fmt.Sprintf(format, args...)}
}

// The rules of what the program says.
const (
	ruleKnock      rule = "So it shows that only to a dialer who knows the peer id already"
	ruleAlert      rule = "To a dialer the alert means that another peer is there than it expects."
	ruleFirst      rule = "**HELLO** (1), the first message of both sides"
	ruleVersion    rule = "Another one than 2 is refused with code 3."
	rulePeer       rule = "must be the key the channel proved"
	ruleDecode     rule = "The decoder is strict:"
	ruleStates     rule = "Any other message ends the session with code 12"
	ruleNumber     rule = "afterwards the number means nothing any more: a message with it, as one with a number that was never shared, ends the session with code 26."
	rulePeaksOnce  rule = "A second PEAKS of a topic ends the session with code 12."
	rulePeaksFirst rule = "PEAKS comes once, before everything but SUBSCRIBE, HAVE, PRUNE, GRAFT, PRESENCE, PEERS and, where a mark was sent, the [cursor](#rules)."
	ruleSubscribe  rule = "SUBSCRIBE comes before everything else, and only from a side whose offer said *partial*"
	ruleBothKnown  rule = "PEAKS follows once both sides' are known."
	ruleOfferTwice rule = "a topic that is offered while an offer of it stands ends the session with code 12."
	ruleJoinProof  rule = "of which the lobby proof is all 32 bytes and the join proof the first 16."
	ruleOfferBack  rule = "A side that is offered a topic that it is in and has not offered yet offers it in its next TOPICS, which it sends at once."
	ruleAnswers    rule = "*answers* above the number of lists that were sent, or below what it was, is code 12."
	ruleMore       rule = "a list with *more* and at least one offer is answered by a TOPICS, with or without offers, and the next one follows when *answers* says so."
	ruleNoTopic    rule = "A side in state *meeting* ends the session with code 4 when the peer has no more to offer, nothing is shared, and no [certificate](#rules) can change that."
	ruleLeave      rule = "The peer answers LEAVE with the same number, and sends nothing behind that either."
	ruleOfferAgain rule = "the side that was left, and is still in the topic, offers it again at once"
	rulePong       rule = "PONG must have the nonce of the oldest PING that was not answered (code 12)."
	ruleShared     rule = "it begins with SUBSCRIBE or PEAKS at once."
	ruleEqual      rule = "Equal digests mean that the peer holds what we hold, and both state SYNC_DONE at once."
	ruleLeads      rule = "After PEAKS it is the one that stated fewer logs; of two with as many, the dialer."
	ruleRounds     rule = "Rounds of a topic are numbered from 1"
	ruleSalt       rule = "with tag `xaeroflux sketch salt v1` of channel binding, topic id and the round's number as `u64`"
	ruleItem       rule = "An item has 64 bits, from the highest: the short id; the size modulo 2²⁰; and 4 bits of the root"
	ruleSymbols    rule = "Symbols come in order from index 0 (code 10), one round has one salt (code 1)"
	ruleAnswer     rule = "An answer names each log that differs with the size that its sender holds, 0 of one that it does not have."
	ruleList       rule = "Without, it is a full list, in as many DIFF as it takes, and is answered by the same, unless it is the answer"
	ruleState      rule = "events held that count, full pages held, newest head known."
	ruleForkedList rule = "In digests a forked log counts with size 0 and the empty root, and in lists as *forked*, whatever is held of it."
	ruleForkProof  rule = "A FORK is stored when log id, topic and log name fit each other (code 7) and the proof verifies (code 23)."
	ruleName       rule = "The log id must follow from topic and log name"
	ruleHead       rule = "The author must have signed the head: code 7."
	ruleTree       rule = "The peaks at *n*, then these leaves, then *right*, must make a tree of the head's size with the head's root: code 9"
	rulePush       rule = "Where the peer lacks fewer than 64 full pages of a log, we push the missing events as EVENTS on the control stream, about 256 KiB in one message."
	rulePull       rule = "Where it lacks 64 or more, it pulls."
	ruleDone       rule = "Then that side states position and digest of what it holds."
	ruleFollowed   rule = "Digests, lists and pushes speak of the logs that *both* follow, as if there were no others."
	ruleOptional   rule = "A message type of 128 or above that is not known is checked for its form and passed over."
	ruleFirstOf    rule = "| first message of a stream that is not the control stream | PAGE_REQUEST, RANGE_REQUEST, OPEN |"
	ruleRequest    rule = "its first message says what it is for, its opener then ends its direction"
	ruleRuns       rule = "Runs of up to 64 pages, or one group where that is longer"
	rulePages      rule = "The pages follow the frame as raw bytes, in no frame"
	ruleTail       rule = "The tail is sent if the request goes as far as the last full page."
	ruleRanges     rule = "is told the newest head and then what the server holds of that part, in chunks of about 256 KiB: in order, or with *newest* in the opposite order."
	ruleProof      rule = "A request is answered under the newest head, whatever *size* says, if the log is of the topic and held up to that head"
	ruleProofOrder rule = "Requests and PINGs are answered in their order"
	ruleCosign     rule = "A COSIGN_REQUEST is answered with a cosignature where the log is in the topic, not the answerer's own, not forked, all events up to the size are held, and the root is theirs."
	ruleCodes      rule = "a [code](#error-codes) below 65536 and a text for people of at most 512 bytes."
	ruleEnd        rule = "its sender says nothing more, ends its direction, and half a second later closes the connection with the same code"
)
