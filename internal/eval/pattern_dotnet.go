package eval

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fromDotNet translates a pattern of .NET into one of Go that is found in the
// same texts, as long as these are ASCII. It fails for all but a conservative
// set of constructs, whose meaning is known to be the same:
//
//   - literals, "." and groups, whether they capture or not;
//   - classes of literals, ranges, \d, \w, \s and Unicode categories;
//   - quantifiers up to 1000, of what cannot be empty;
//   - \b, \B, \A, \z, and ^; $ and \Z, which also match before a last line feed,
//     at the end of a branch of the whole pattern;
//   - the options i, m and s for the whole pattern. Where case is ignored there is
//     nothing but ASCII, and no class is negated.
func fromDotNet(pattern string) (translated string, ok bool) {
	t := dotNet{in: pattern}
	if !t.options() {
		return "", false
	}
	if _, ok := t.alternatives(0); !ok || t.in != "" {
		return "", false
	}
	return t.out.String(), true
}

// dotNet is a translation under way.
type dotNet struct {
	in  string       // the rest
	out bytes.Buffer // not a strings.Builder, whose methods the compiler copies into each caller

	ignoreCase, multiline bool
}

// options translates options of the whole pattern, if there are any.
func (t *dotNet) options() bool {
	rest, ok := strings.CutPrefix(t.in, "(?")
	if !ok {
		return true
	}
	names, rest, ok := strings.Cut(rest, ")")
	if !ok || names == "" || strings.Trim(names, "ims") != "" {
		return true // another construct
	}
	t.ignoreCase = strings.Contains(names, "i")
	t.multiline = strings.Contains(names, "m")
	t.out.WriteString("(?" + names + ")")
	t.in = rest
	return true
}

// maxGroups is how deep groups may nest.
const maxGroups = 50

// alternatives translates up to the end of a group, or of the pattern at depth
// 0, and reports whether the empty text is among what it matches.
func (t *dotNet) alternatives(depth int) (empty, ok bool) {
	for {
		branchEmpty, ok := t.branch(depth)
		if !ok {
			return false, false
		}
		empty = empty || branchEmpty
		if !strings.HasPrefix(t.in, "|") {
			return empty, true
		}
		t.take(1)
		t.out.WriteByte('|')
	}
}

func (t *dotNet) take(n int) (taken string) {
	taken, t.in = t.in[:n], t.in[n:]
	return taken
}

// copy takes n bytes that mean the same in both engines.
func (t *dotNet) copy(n int) { t.out.WriteString(t.take(n)) }

func (t *dotNet) branch(depth int) (empty, ok bool) {
	empty = true
	for t.in != "" && t.in[0] != '|' && t.in[0] != ')' {
		atomEmpty, repeatable, ok := t.atom(depth)
		if !ok {
			return false, false
		}
		optional, ok := t.quantifier(repeatable && !atomEmpty)
		if !ok {
			return false, false
		}
		empty = empty && (atomEmpty || optional)
	}
	return empty, true
}

// atom translates what a quantifier may follow, if it is repeatable.
func (t *dotNet) atom(depth int) (empty, repeatable, ok bool) {
	switch c := t.in[0]; c {
	case '^':
		t.copy(1)
		return true, false, true
	case '$':
		t.take(1)
		if t.multiline {
			t.out.WriteByte('$')
			return true, false, true
		}
		return true, false, t.end(depth)
	case '.':
		t.copy(1)
		return false, true, true
	case '(':
		empty, ok = t.group(depth)
		return empty, true, ok
	case '[':
		return false, true, t.class()
	case '\\':
		return t.escape(depth)
	case '*', '+', '?', '{', '}':
		return false, false, false
	}
	r, ok := t.literal()
	t.out.WriteString(regexp.QuoteMeta(string(r)))
	return false, true, ok
}

// end translates $ and \Z.
func (t *dotNet) end(depth int) bool {
	t.out.WriteString(`\n?\z`)
	return depth == 0 && (t.in == "" || t.in[0] == '|')
}

// literal reads a character that stands for itself.
func (t *dotNet) literal() (rune, bool) {
	r, size := utf8.DecodeRuneInString(t.in)
	t.take(size)
	return r, t.plain(r) && (r != utf8.RuneError || size > 1)
}

// plain reports whether both engines treat a character the same: .NET uses
// UTF-16, and folds the case of characters by other rules.
func (t *dotNet) plain(r rune) bool {
	return r < utf8.RuneSelf || !t.ignoreCase && r <= 0xffff && (r < 0xd800 || r > 0xdfff)
}

func (t *dotNet) group(depth int) (empty, ok bool) {
	t.take(1)
	if strings.HasPrefix(t.in, "?") {
		switch {
		case strings.HasPrefix(t.in, "?:"):
			t.take(2)
		case strings.HasPrefix(t.in, "?<"):
			name, _, found := strings.Cut(t.in[2:], ">")
			if !found || !isGroupName(name) {
				return false, false
			}
			t.take(len("?<") + len(name) + len(">"))
		default:
			return false, false
		}
	}
	t.out.WriteString("(?:")
	if depth == maxGroups {
		return false, false
	}
	if empty, ok = t.alternatives(depth + 1); !ok || t.in == "" {
		return false, false
	}
	t.copy(1)
	return empty, true
}

func isGroupName(name string) bool {
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && (i == 0 || !isDigit(name[i])) {
			return false
		}
	}
	return name != ""
}

// quantifier translates a quantifier, if there is one, and reports whether it
// matches the empty text.
func (t *dotNet) quantifier(allowed bool) (optional, ok bool) {
	if t.in == "" {
		return false, true
	}
	switch t.in[0] {
	case '*', '?':
		optional = true
		fallthrough
	case '+':
		t.copy(1)
	case '{':
		counts, _, found := strings.Cut(t.in[1:], "}")
		least, most, isRange := strings.Cut(counts, ",")
		from, ok1 := repetitions(least)
		to, ok2 := from, true
		if isRange && most != "" {
			to, ok2 = repetitions(most)
		}
		if !found || !ok1 || !ok2 || to < from {
			return false, false
		}
		optional = from == 0
		t.copy(len(counts) + 2)
	default:
		return false, true
	}
	if strings.HasPrefix(t.in, "?") { // lazy
		t.copy(1)
	}
	return optional, allowed && (t.in == "" || !strings.ContainsRune("*+?{", rune(t.in[0])))
}

// repetitions reads a count. Go's engine accepts none of more than 1000, and
// reads one with leading zeros as a literal.
func repetitions(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && n <= 1000 && (s == "0" || s[0] != '0')
}

// escape translates an escape outside of classes.
func (t *dotNet) escape(depth int) (empty, repeatable, ok bool) {
	if len(t.in) < 2 {
		return false, false, false
	}
	switch c := t.in[1]; c {
	case 'b', 'B', 'A', 'z':
		t.copy(2)
		return true, false, true
	case 'Z':
		t.take(2)
		return true, false, t.end(depth)
	case 's':
		t.take(2)
		t.out.WriteString(`[\t-\r ]`)
		return false, true, true
	case 'S':
		t.take(2)
		t.out.WriteString(`[^\t-\r ]`)
		return false, true, !t.ignoreCase
	}
	if set, ok := t.set(); set != "" {
		t.out.WriteString(set)
		return false, true, ok
	}
	r, ok := t.character()
	t.out.WriteString(regexp.QuoteMeta(string(r)))
	return false, true, ok
}

// set reads an escape that stands for many characters and means the same in
// classes, if there is one.
func (t *dotNet) set() (set string, ok bool) {
	switch c := t.in[1]; c {
	case 'd', 'w':
		return t.take(2), true
	case 'D', 'W':
		return t.take(2), !t.ignoreCase
	case 'p', 'P':
		name, _, found := strings.Cut(t.in[2:], "}")
		if !found || !strings.HasPrefix(name, "{") || !isCategory(name[1:]) {
			return `\p`, false
		}
		return t.take(2 + len(name) + 1), !t.ignoreCase
	}
	return "", false
}

func isCategory(name string) bool {
	switch name {
	case "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
		"S", "Sm", "Sc", "Sk", "So", "Z", "Zs":
		return true
	}
	return false
}

// character reads an escape that stands for one character.
func (t *dotNet) character() (rune, bool) {
	c := t.in[1]
	switch c {
	case 't', 'n', 'v', 'f', 'r':
		t.take(2)
		return rune("\t\n\v\f\r"[strings.IndexByte("tnvfr", c)]), true
	case 'x', 'u':
		digits := 2
		if c == 'u' {
			digits = 4
		}
		if len(t.in) < 2+digits {
			return 0, false
		}
		code, err := strconv.ParseUint(t.in[2:2+digits], 16, 32)
		t.take(2 + digits)
		return rune(code), err == nil && t.plain(rune(code))
	}
	t.take(2)
	isWord := isDigit(c) || c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
	isReference := c == '<' || c == '\'' // to a group
	return rune(c), c < utf8.RuneSelf && !isWord && !isReference
}

// class translates a class in brackets.
func (t *dotNet) class() bool {
	t.copy(1)
	if strings.HasPrefix(t.in, "^") {
		t.copy(1)
		if t.ignoreCase {
			return false
		}
	}
	for first := true; ; first = false {
		switch {
		case t.in == "" || first && t.in[0] == ']':
			return false
		case t.in[0] == ']':
			t.copy(1)
			return true
		case t.in[0] == '-' && !first && !strings.HasPrefix(t.in, "-]"):
			return false
		case strings.HasPrefix(t.in, `\s`):
			t.take(2)
			t.out.WriteString(`\t-\r `)
			continue
		}
		if len(t.in) > 1 && t.in[0] == '\\' {
			if set, ok := t.set(); set != "" {
				if !ok {
					return false
				}
				t.out.WriteString(set)
				continue
			}
		}
		if !t.span() {
			return false
		}
	}
}

// span translates a character of a class, or a range.
func (t *dotNet) span() bool {
	from, ok := t.member()
	if !ok {
		return false
	}
	writeMember(&t.out, from)
	if len(t.in) < 2 || t.in[0] != '-' || t.in[1] == ']' {
		return true
	}
	t.take(1)
	to, ok := t.member()
	if !ok || to < from {
		return false
	}
	t.out.WriteByte('-')
	writeMember(&t.out, to)
	return true
}

// member reads a character of a class. It rejects "[", which may begin a
// subtraction or a class of another syntax.
func (t *dotNet) member() (rune, bool) {
	switch {
	case t.in == "" || t.in[0] == '[':
		return 0, false
	case t.in[0] == '\\':
		if len(t.in) < 2 {
			return 0, false
		}
		return t.character()
	}
	return t.literal()
}

func writeMember(out *bytes.Buffer, r rune) {
	if r < utf8.RuneSelf && !isDigit(byte(r)) && (r|0x20 < 'a' || r|0x20 > 'z') {
		out.WriteString(`\x` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
		return
	}
	out.WriteRune(r)
}
