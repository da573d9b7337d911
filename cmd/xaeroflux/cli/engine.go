// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// engineRecord is the body of an event of the engine as JSON: the names of its fields,
// keys and other bytes in hex. It is nil for events of applications, and for a body that
// does not decode. The same type may be an ask in one log and a record in a roster; no
// body is both.
func engineRecord(typ string, body []byte) json.RawMessage {
	if !event.IsReserved([]byte(typ)) {
		return nil
	}
	var r any
	if typ == roster.NameType {
		return engineName(body)
	}
	r, err := roster.DecodeAsk(typ, body)
	if err != nil {
		r, err = roster.Decode(typ, body)
	}
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	putValue(&b, reflect.ValueOf(r))
	return b.Bytes()
}

// engineName is what an author wants to be called.
func engineName(body []byte) json.RawMessage {
	n, err := roster.DecodeName(body)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	if n.Sealed != nil {
		putValue(&b, reflect.ValueOf(struct{ Sealed []byte }{n.Sealed}))
	} else {
		putValue(&b, reflect.ValueOf(struct{ Name string }{n.Clear}))
	}
	return b.Bytes()
}

// putValue writes a value as JSON.
func putValue(b *bytes.Buffer, v reflect.Value) {
	switch k := v.Kind(); {
	case !v.IsValid() || (k == reflect.Pointer || k == reflect.Interface) && v.IsNil():
		b.WriteString("null")
	case k == reflect.Pointer, k == reflect.Interface:
		putValue(b, v.Elem())
	case (k == reflect.Array || k == reflect.Slice) && v.Type().Elem().Kind() == reflect.Uint8:
		raw := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(raw), v)
		putText(b, hex.EncodeToString(raw))
	case k == reflect.Array, k == reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			putValue(b, v.Index(i))
		}
		b.WriteByte(']')
	case k == reflect.Struct:
		b.WriteByte('{')
		putFields(b, v, true)
		b.WriteByte('}')
	case k == reflect.String:
		putText(b, v.String())
	default:
		if s, ok := v.Interface().(fmt.Stringer); ok { // a role
			putText(b, s.String())
			return
		}
		fmt.Fprint(b, v.Interface())
	}
}

// putFields writes the fields of a struct; those of an embedded one are its own, and one
// that is absent is left out.
func putFields(b *bytes.Buffer, v reflect.Value, first bool) bool {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			first = putFields(b, v.Field(i), first)
			continue
		}
		if k := f.Type.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.Field(i).IsNil() {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		putText(b, snake(f.Name))
		b.WriteByte(':')
		putValue(b, v.Field(i))
	}
	return first
}

func putText(b *bytes.Buffer, s string) {
	text, _ := json.Marshal(s) // a string always has one
	b.Write(text)
}

// snake writes the name of a field as JSON has it: AccountKEM is account_kem.
func snake(name string) string {
	var s strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			s.WriteByte('_')
		}
		s.WriteRune(unicode.ToLower(r))
	}
	return s.String()
}
