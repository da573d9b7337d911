// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"fmt"
)

// A record that decodes is judged by what its own leaf, the kind of its log, the
// topic's policy and the time of the record before it say, and by nothing else,
// so that everybody judges alike. One that offends closes its log: what is
// before it counts, it and all behind it does not.
//
//	kind         flags but 1        type            refs  id   payload
//	data, plain  0, 8, 16, 8+16     other than xf/  yes   yes  to 2^24 bytes
//	 erasable    32, and 8, 16      other than xf/  yes   yes  16 to 16+2^24 bytes
//	data, sealed 2                  other than xf/  no    no   to 2^24+2^19+36 bytes
//	             2+4                empty, as key   no    no   to 2^24+2^19+36 bytes
//	data, any    0                  xf/…            no    no   to 2^24 bytes
//	roster       0                  xf/…            no    no   to 2^24 bytes
//	boxes        0                  any             no    no   to 2^24 bytes
//
// Reasons are found in the order of their numbers; the first one is the log's.
// Flag 1 is in no leaf: a payload that is left out is of this copy, not of the
// log, and never closes it.

// A Kind is what a log is for; it is part of the log's id.
type Kind uint8

// The kinds of logs.
const (
	Data   Kind = 0 // an author's events
	Roster Kind = 1 // who belongs to the topic
	Boxes  Kind = 2 // the steward's key boxes
)

// Rules are what the records of a log are judged by.
type Rules struct {
	Kind     Kind
	Sealed   bool             // the topic's policy: data is sealed
	Erasable bool             // the topic's policy: data of a plain topic is salted
	Short    [ShortBytes]byte // first bytes of the log's own id, which refs may not name
}

// A Reason is why a log is closed.
type Reason uint8

// The reasons. Zero is none: the log is open.
const (
	BadFlag     Reason = 1 // a flag that has no meaning
	BadForm     Reason = 2 // flags that this kind of log, this policy or this type has not
	BadType     Reason = 3 // a roster's type without xf/; type or key beside a sealed one
	BadRefs     Reason = 4 // none, too many, not rising, of the own log, a size of 0, too large or too long
	BadID       Reason = 5 // an id of zeros
	BadPayload  Reason = 6 // longer than its flags allow, or too short for a salt
	BadTime     Reason = 7 // before that of the record before it
	BadBody     Reason = 8 // the type or payload of a roster's record does not decode; Judge does not look
	BadFounding Reason = 9 // record 0 or 1 of a roster does not found the topic; Judge does not look
)

var reasons = [...]string{"", "unknown flag", "flags", "type", "refs", "id", "payload length", "time", "body", "founding"}

// String names r.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Known reports whether r is one of the reasons.
func (r Reason) Known() bool { return r > 0 && int(r) < len(reasons) }

// An Offence is the error of a record that closes its log.
type Offence struct {
	Reason Reason
	Text   string // what disagreed
}

// Error says why.
func (o *Offence) Error() string { return fmt.Sprintf("%s: %s", o.Reason, o.Text) }

func offence(r Reason, format string, args ...any) *Offence {
	return &Offence{r, fmt.Sprintf(format, args...)}
}

// Judge returns why a log closes at r, which comes after a record of time
// previous (0 for none), or nil. The error is an *Offence.
func (r Rules) Judge(rec *Record, previous int64) error {
	if rec.Flags == 0 && r.Kind == Data && !r.Sealed && !r.Erasable && rec.payloadBytes <= MaxPayload && rec.Time >= previous {
		return nil // nearly all records
	}
	if o := r.judge(rec, previous); o != nil {
		return o
	}
	return nil
}

func (r Rules) judge(rec *Record, previous int64) *Offence {
	flags := rec.Flags &^ FlagErased
	if flags&FlagUnknown != 0 {
		return offence(BadFlag, "flags %#x", flags)
	}
	engine := bytes.HasPrefix(rec.Type, []byte(Reserved))
	if want, ok := r.form(flags, engine); !ok {
		return offence(BadForm, "flags %#x of type %q in a log of kind %d, want %s", flags, rec.Type, r.Kind, want)
	}
	switch {
	case r.Kind == Roster && !engine:
		return offence(BadType, "%q in a roster", rec.Type)
	case flags&FlagSealedHeader != 0 && len(rec.Type)+len(rec.Key) > 0:
		return offence(BadType, "type and key of %d bytes beside sealed ones", len(rec.Type)+len(rec.Key))
	}
	if o := r.judgeExtra(rec); o != nil {
		return o
	}
	switch {
	case rec.payloadBytes > payloadLimit(flags) || flags&FlagSalted != 0 && rec.payloadBytes < SaltBytes:
		return offence(BadPayload, "%d bytes with flags %#x", rec.payloadBytes, flags)
	case rec.Time < previous:
		return offence(BadTime, "%d ms after %d ms", rec.Time, previous)
	}
	return nil
}

// form reports whether a record may have these flags, and which it may.
func (r Rules) form(flags uint8, engine bool) (want string, ok bool) {
	switch {
	case r.Kind != Data || engine:
		return "none", flags == 0
	case r.Sealed:
		return "2 or 6", flags&^FlagSealedHeader == FlagSealedPayload
	case r.Erasable:
		return "32", flags&^extraFlags == FlagSalted
	}
	return "none but 8 and 16", flags&^extraFlags == 0
}

// judgeExtra looks at refs and id.
func (r Rules) judgeExtra(rec *Record) *Offence {
	if rec.Flags&FlagRefs != 0 {
		refs, minimal := rec.refs()
		if len(refs) == 0 || !minimal {
			return offence(BadRefs, "%d refs, sizes in as few bytes as they take: %v", len(refs), minimal)
		}
		if err := checkRefs(refs); err != nil {
			return offence(BadRefs, "%v", err)
		}
		for i := range refs {
			if refs[i].Log == r.Short {
				return offence(BadRefs, "log %x refers to itself", r.Short)
			}
		}
	}
	if rec.Flags&FlagID != 0 && rec.ID() == (ID{}) {
		return offence(BadID, "all zeros")
	}
	return nil
}
