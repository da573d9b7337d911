// SPDX-License-Identifier: MPL-2.0

package eventtest

import "bytes"

// A Case is a record in a log, and what becomes of it.
type Case struct {
	Name     string
	Kind     uint8 // of the log: 0 data, 1 roster, 2 boxes
	Sealed   bool  // policy of the topic
	Erasable bool
	Previous uint64 // time of the record before
	Raw      Raw
	Reason   uint8 // why the log closes here; 0 if it does not
	Refused  bool  // it does not decode
}

// Own is the first byte of the id of the log that the cases are in; the other
// seven are those that Ref writes.
const Own = 0x55

const ms = 1_700_000_000_123

var id = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

func plain(change func(*Raw)) Raw {
	r := Raw{Time: ms, Type: "note", Key: "k1", Payload: []byte("hello, world")}
	change(&r)
	return r
}

func flagged(flags uint8) Raw {
	return plain(func(r *Raw) {
		r.Flags, r.Count, r.Refs, r.ID = flags, 2, append(Ref(1, 5), Ref(2, 0x80, 1)...), id
		if flags&32 != 0 {
			r.Payload = append(bytes.Repeat([]byte{0xa5}, 16), r.Payload...)
		}
		if flags&4 != 0 {
			r.Type, r.Key = "", ""
		}
	})
}

func refs(count uint8, b ...[]byte) Raw {
	return plain(func(r *Raw) { r.Flags, r.Count, r.Refs = 8, count, bytes.Join(b, nil) })
}

func many(n int) (b []byte) {
	for i := range n {
		b = append(b, Ref(byte(i), 1)...)
	}
	return b
}

func engine(flags uint8) Raw {
	r := flagged(flags)
	r.Type, r.Key = "xf/ask", ""
	return r
}

// Cases returns every kind of good record and of bad one.
func Cases() []Case {
	var all []Case
	for _, part := range [][]Case{forms(), refCases(), others(), refusedCases()} {
		all = append(all, part...)
	}
	return all
}

// forms is every combination of flags that is hashed, under every kind and
// policy.
func forms() (all []Case) {
	for _, c := range []Case{
		{Name: "data of a plain topic"},
		{Name: "data of an erasable topic", Erasable: true},
		{Name: "data of a sealed topic", Sealed: true},
		{Name: "data of a sealed erasable topic", Sealed: true, Erasable: true},
		{Name: "roster", Kind: 1},
		{Name: "boxes", Kind: 2},
	} {
		for flags := uint8(0); flags < 128; flags += 2 {
			for _, r := range []Raw{flagged(flags), engine(flags)} {
				x := c
				x.Raw, x.Reason = r, formReason(c, flags, r.Type)
				all = append(all, x)
			}
		}
	}
	return all
}

// formReason is the table of event/judge.go once more, row by row.
func formReason(c Case, flags uint8, typ string) uint8 {
	good := map[uint8]bool{0: true}
	switch {
	case c.Kind != 0 || typ == "xf/ask":
	case c.Sealed:
		good = map[uint8]bool{2: true, 6: true}
	case c.Erasable:
		good = map[uint8]bool{32: true, 40: true, 48: true, 56: true}
	default:
		good = map[uint8]bool{0: true, 8: true, 16: true, 24: true}
	}
	switch {
	case flags >= 64:
		return 1
	case !good[flags]:
		return 2
	case c.Kind == 1 && typ != "xf/ask":
		return 3
	}
	return 0
}

func refCases() []Case {
	return []Case{
		{Name: "16 refs", Raw: refs(16, many(16))},
		{Name: "largest size", Raw: refs(1, Ref(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f))},
		{Name: "no refs", Raw: refs(0), Reason: 4},
		{Name: "17 refs", Raw: refs(17, many(17)), Reason: 4},
		{Name: "255 refs", Raw: refs(255, many(255)), Reason: 4},
		{Name: "falling", Raw: refs(2, Ref(2, 1), Ref(1, 1)), Reason: 4},
		{Name: "twice the same", Raw: refs(2, Ref(1, 1), Ref(1, 2)), Reason: 4},
		{Name: "to itself", Raw: refs(1, Ref(Own, 1)), Reason: 4},
		{Name: "size 0", Raw: refs(1, Ref(1, 0)), Reason: 4},
		{Name: "size 0 in two bytes", Raw: refs(1, Ref(1, 0x80, 0)), Reason: 4},
		{Name: "size 1 in two bytes", Raw: refs(1, Ref(1, 0x81, 0)), Reason: 4},
		{Name: "size 1 in seven bytes", Raw: refs(1, Ref(1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0)), Reason: 4},
		{Name: "size 2^48", Raw: refs(1, Ref(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40)), Reason: 4},
		{Name: "size 2^49-1", Raw: refs(1, Ref(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), Reason: 4},
	}
}

func others() []Case {
	none := flagged(16)
	none.ID = [16]byte{}
	whole, erased := flagged(24), flagged(24|1)
	sealedType, sealedKey := flagged(6), flagged(6)
	sealedType.Type, sealedKey.Key = "note", "k"
	short, exact := flagged(32), flagged(32)
	short.Payload, exact.Payload = short.Payload[:15], exact.Payload[:16]
	sealed := flagged(2)
	long := func(flags uint8, n int) Raw {
		r := flagged(flags | 1)
		r.Payload, r.Length = []byte("not so long"), n
		return r
	}
	return []Case{
		{Name: "time of the one before", Previous: ms, Raw: plain(func(*Raw) {})},
		{Name: "time goes back", Previous: ms + 1, Raw: plain(func(*Raw) {}), Reason: 7},
		{Name: "time goes back in a sealed topic", Sealed: true, Previous: ms + 1, Raw: sealed, Reason: 7},
		{Name: "time goes back in a roster", Kind: 1, Previous: ms + 1, Raw: engine(0), Reason: 7},
		{Name: "last time there is", Previous: 1<<48 - 1, Raw: plain(func(r *Raw) { r.Time = 1<<48 - 1 })},
		{Name: "id of zeros", Raw: none, Reason: 5},
		{Name: "whole", Raw: whole},
		{Name: "erased", Raw: erased},
		{Name: "type beside a sealed one", Sealed: true, Raw: sealedType, Reason: 3},
		{Name: "key beside a sealed one", Sealed: true, Raw: sealedKey, Reason: 3},
		{Name: "salt and nothing else", Erasable: true, Raw: exact},
		{Name: "salt cut", Erasable: true, Raw: short, Reason: 6},
		{Name: "longest payload", Raw: long(0, 1<<24)},
		{Name: "payload too long", Raw: long(0, 1<<24+1), Reason: 6},
		{Name: "longest salted payload", Erasable: true, Raw: long(32, 1<<24+16)},
		{Name: "salted payload too long", Erasable: true, Raw: long(32, 1<<24+17), Reason: 6},
		{Name: "longest sealed payload", Sealed: true, Raw: long(2, 1<<24+1<<19+36)},
		{Name: "long and back in time: the lower reason", Previous: ms + 1, Raw: long(0, 1<<24+1), Reason: 6},
		{Name: "refs and an unknown flag: the lower reason", Raw: plain(func(r *Raw) { r.Flags = 72 }), Reason: 1},
	}
}

func refusedCases() []Case {
	return []Case{
		{Name: "a size of eight bytes", Raw: refs(1, Ref(1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0)), Refused: true},
		{Name: "a size that does not end", Raw: refs(1, Ref(1, bytes.Repeat([]byte{0xff}, 60)...)), Refused: true},
		{Name: "refs cut", Raw: refs(255, many(2)), Refused: true},
		{Name: "no length so long", Raw: plain(func(r *Raw) { r.Flags, r.Length = 3, 1<<24+1<<19+37 }), Refused: true},
		{Name: "payload cut", Raw: plain(func(r *Raw) { r.Length = 13 }), Refused: true},
	}
}
