// SPDX-License-Identifier: MPL-2.0

package home

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A Petname is what the person calls somebody in a topic, whose id is the event's key.
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1     32  account in the topic
//	    33      8  when it was given, milliseconds since 1970
//	    41      1  n, length of the name, at most 64; 0 for none any more
//	    42      n  name
type Petname struct {
	Account roster.Key
	naming.Petname
}

// Append appends the bytes of p.
func (p *Petname) Append(b []byte) []byte {
	b = append(append(b, version), p.Account[:]...)
	b = binary.LittleEndian.AppendUint64(b, p.Given)
	return append(append(b, byte(len(p.Name))), p.Name...)
}

// ParsePetname decodes what Append wrote. The error is ErrMalformed.
func ParsePetname(b []byte) (*Petname, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	p := &Petname{Account: r.key()}
	p.Given = r.uint(8)
	p.Name = string(r.take(int(r.uint(1))))
	if err := roster.CheckName(p.Name); err != nil {
		return nil, malformed("%v", err)
	}
	return p, r.end()
}

// Petnames returns what the person calls people in a topic, by account: of what several
// devices gave, the last. It is not to be written to.
func (s *State) Petnames(topic digest.Hash) map[roster.Key]naming.Petname { return s.petnames[topic] }

func (s *State) addPetname(topic digest.Hash, e Entry) error {
	p, err := ParsePetname(e.Payload)
	if err != nil {
		return err
	}
	all := s.petnames[topic]
	if all == nil {
		all = map[roster.Key]naming.Petname{}
		s.petnames[topic] = all
	}
	if p.Newer(all[p.Account]) {
		all[p.Account] = p.Petname
	}
	return nil
}
