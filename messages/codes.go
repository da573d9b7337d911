// SPDX-License-Identifier: MPL-2.0

package messages

import "strconv"

// A Code says why a session ends, in ERROR, in BYE and when a connection is
// closed. Numbers are never reused.
type Code uint16

// The codes of XSP 2. Those up to 24 mean what they meant in XSP 1.
const (
	CodeOK                Code = 0  // nothing is wrong
	CodeMalformed         Code = 1  // a frame does not decode
	CodeTooLong           Code = 2  // a frame or field is over its limit
	CodeVersion           Code = 3  // no protocol version in common
	CodeNoSharedTopic     Code = 4  // no topic in common
	CodeBadTopicProof     Code = 5  // an open topic with the lobby key and another join key
	CodeWrongPeer         Code = 6  // HELLO names another peer than the channel
	CodeBadHead           Code = 7  // a head whose signature does not verify
	CodeBadPage           Code = 8  // pages that are not under their head
	CodeBadEvents         Code = 9  // events that are not under their head
	CodeBadRange          Code = 10 // a range that was not asked for or does not exist
	CodeUnknownLog        Code = 11 // a log the peer does not hold
	CodeUnexpectedMessage Code = 12 // a message the session's state does not allow
	CodeLimit             Code = 13 // a stated limit was passed
	CodeBusy              Code = 14 // try again later
	CodeFrozen            Code = 15 // the log forked and is frozen
	CodeInternal          Code = 16 // a flaw on the sender's side
	CodeClosing           Code = 17 // the node shuts down
	CodeReadOnly          Code = 18 // the node cannot store what it receives
	CodeTimeout           Code = 19 // an answer did not come in time
	CodeDuplicate         Code = 20 // another live copy of the store with this peer id is connected
	CodeUnknownType       Code = 21 // a message type that must be known and is not
	CodeCanceled          Code = 22 // the transfer is not wanted any more
	CodeFork              Code = 23 // a fork proof that proves none
	CodeQuota             Code = 24 // a quota of the node is reached
	CodeNoCapability      Code = 25 // a stream for a capability that is not served here
	CodeNotShared         Code = 26 // a topic that is not shared in this session, or not any more
	CodeCertificate       Code = 27 // a certificate that is not asked for, or does not verify
	CodeRoster            Code = 28 // a roster that does not follow from genesis, or has an erased record
	CodeLogEnded          Code = 29 // the log is closed or cut: it takes nothing more
	CodeUnlisted          Code = 30 // a log that the roster does not admit
)

var codeNames = [...]string{
	CodeOK:                "ok",
	CodeMalformed:         "malformed message",
	CodeTooLong:           "message too long",
	CodeVersion:           "no common version",
	CodeNoSharedTopic:     "no shared topic",
	CodeBadTopicProof:     "bad topic proof",
	CodeWrongPeer:         "wrong peer",
	CodeBadHead:           "bad head",
	CodeBadPage:           "bad page",
	CodeBadEvents:         "bad events",
	CodeBadRange:          "bad range",
	CodeUnknownLog:        "unknown log",
	CodeUnexpectedMessage: "unexpected message",
	CodeLimit:             "limit passed",
	CodeBusy:              "busy",
	CodeFrozen:            "log is frozen",
	CodeInternal:          "internal error",
	CodeClosing:           "closing",
	CodeReadOnly:          "read-only",
	CodeTimeout:           "timeout",
	CodeDuplicate:         "another live copy",
	CodeUnknownType:       "unknown message type",
	CodeCanceled:          "canceled",
	CodeFork:              "bad fork proof",
	CodeQuota:             "quota reached",
	CodeNoCapability:      "capability not served",
	CodeNotShared:         "topic not shared",
	CodeCertificate:       "certificate refused",
	CodeRoster:            "roster refused",
	CodeLogEnded:          "log has ended",
	CodeUnlisted:          "log not admitted",
}

// String returns the code in words.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code " + strconv.Itoa(int(c))
}
