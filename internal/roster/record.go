// SPDX-License-Identifier: MPL-2.0

package roster

import "fmt"

// A Record is the body of one record of a roster.
type Record interface {
	body
	// Type returns the type of the event that carries the record.
	Type() string
}

// newRecord returns an empty record of a roster's type, or nil.
func newRecord(typ string) Record {
	switch typ {
	case "xf/genesis":
		return new(Founding)
	case "xf/begin":
		return new(Begin)
	case "xf/admit":
		return new(Admit)
	case "xf/device":
		return new(AddDevice)
	case "xf/role":
		return new(SetRole)
	case "xf/remove":
		return new(Remove)
	case "xf/invite":
		return new(MakeInvite)
	case "xf/uninvite":
		return new(Uninvite)
	case "xf/epoch":
		return new(Epoch)
	case "xf/cut":
		return new(CutLog)
	case "xf/erase":
		return new(Erase)
	case "xf/snapshot":
		return new(Snapshot)
	case "xf/grant":
		return new(Grant)
	case "xf/answer":
		return new(Answer)
	case "xf/handover":
		return new(Handover)
	}
	return nil
}

// Decode decodes the body of a roster's record. The error is ErrMalformed.
func Decode(typ string, body []byte) (Record, error) {
	r := newRecord(typ)
	if r == nil {
		return nil, fmt.Errorf("%w: type %.80q is none of a roster's", ErrMalformed, typ)
	}
	if err := decode(body, r); err != nil {
		return nil, fmt.Errorf("%s: %w", typ, err)
	}
	return r, nil
}

// Encode appends the body of r to dst. The error is ErrMalformed.
func Encode(dst []byte, r Record) ([]byte, error) { return encode(dst, r) }
