// SPDX-License-Identifier: MPL-2.0

package naming

import (
	"strings"
	"unicode"
)

// twins are letters of other scripts, and digits, that look like a Latin letter, each as
// one that stands for all of them. It is no whole list: a name in which scripts are mixed
// is doubtful anyway.
var twins = func() map[rune]rune {
	all := map[rune]rune{}
	for latin, same := range map[rune]string{
		'a': "аαɑ", 'b': "вβь", 'c': "сϲ", 'd': "ԁ", 'e': "еεёє", 'g': "ɡ", 'h': "нһη", 'j': "јϳ", 'k': "кκ", 'l': "1i|ıіιїӏɩɪί",
		'm': "мμ", 'n': "пν", 'o': "0оοσөό", 'p': "рρ", 'q': "ԛ", 's': "ѕ5", 't': "тτ", 'u': "υцս", 'v': "ѵ", 'w': "ԝωш", 'x': "хχ", 'y': "уγү", 'z': "ζ",
	} {
		for _, r := range same {
			all[r] = latin
		}
	}
	return all
}()

// alike returns what is the same of two names that may be taken for each other: letters
// alone, without their case, each as the one that it looks like. Of a name without any it
// is the name.
func alike(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= '\uff01' && r <= '\uff5e' { // of full width
			r -= '\uff01' - '!'
		}
		r = unicode.ToLower(r)
		if as, ok := twins[r]; ok {
			r = as
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return name
	}
	return strings.ReplaceAll(b.String(), "rn", "m")
}

// doubtful reports whether a name can look like another one in ways that alike does not
// know: scripts are mixed, marks stand on letters that have one of their own, or letters
// are drawn as signs are.
func doubtful(name string) bool {
	scripts := map[string]bool{}
	for _, r := range name {
		if unicode.Is(unicode.Inherited, r) || r >= '\U0001d400' && r <= '\U0001d7ff' {
			return true
		}
		if unicode.IsLetter(r) {
			scripts[scriptOf(r)] = true
		}
	}
	return len(scripts) > 1
}

// holdsKey reports whether a name looks as if the digits of a key stood in it.
func holdsKey(name string) bool {
	digits := 0
	for _, r := range name {
		if digits++; !unicode.Is(unicode.ASCII_Hex_Digit, r) {
			digits = 0
		}
		if digits == shortDigits {
			return true
		}
	}
	return false
}

// together are scripts that one language is written in.
var together = map[string]string{"Hiragana": "Han", "Katakana": "Han", "Hangul": "Han", "Bopomofo": "Han"}

func scriptOf(r rune) string {
	for name, table := range unicode.Scripts {
		if name != "Common" && unicode.Is(table, r) {
			if with := together[name]; with != "" {
				return with
			}
			return name
		}
	}
	return ""
}
