package flagfile

import (
	"iter"
	"slices"
	"strings"
)

// checkMembers fails unless n is an object whose members have these names, each
// once. It reads the members.
func checkMembers(n *node, names ...string) {
	if n.kind != object {
		fail(n, "an object")
	}
	own := make([]member, 0, min(len(names), 6)) // few flags have more
	n.walk(func(quoted []byte, at int, value node) {
		i := slices.IndexFunc(names, func(name string) bool { return isName(quoted, name) })
		switch {
		case i < 0:
			choices := make([]string, len(names))
			for i, name := range names {
				choices[i] = Quote(name)
			}
			panic(&Mismatch{at, orList(choices), quoteName(quoted)})
		case slices.ContainsFunc(own, func(m member) bool { return m.name == names[i] }):
			panic(&Mismatch{at, "each name once", "a second " + quoteName(quoted)})
		}
		own = append(own, member{names[i], at, value})
	})
	n.read, n.own = true, own
}

// objectOf returns the members of an object, each once; none of nil.
func objectOf(n *node) []member {
	if n == nil {
		return nil
	}
	if n.kind != object {
		fail(n, "an object")
	}
	members := n.members()
	if len(members) <= 16 {
		for i, m := range members {
			if slices.ContainsFunc(members[:i], func(earlier member) bool { return earlier.name == m.name }) {
				panic(&Mismatch{m.at, "each name once", "a second " + Quote(m.name)})
			}
		}
		return members
	}
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		if seen[m.name] {
			panic(&Mismatch{m.at, "each name once", "a second " + Quote(m.name)})
		}
		seen[m.name] = true
	}
	return members
}

// listOf returns the items of a list; none of nil.
func listOf(n *node) iter.Seq[*node] {
	if n != nil && n.kind != list {
		fail(n, "a list")
	}
	return n.items()
}

func textOf(n *node) string {
	switch n.kind {
	case text:
		return n.text()
	case number, boolean:
		fail(n, "a text, such as "+Quote(n.text()))
	default:
		fail(n, "a text")
	}
	return ""
}

// userKeys returns the user keys of a list; none of nil.
func userKeys(n *node) []string {
	var keys []string
	for item := range listOf(n) {
		key := textOf(item)
		if key == "" {
			fail(item, aUserKey)
		}
		keys = append(keys, key)
	}
	return keys
}

const aUserKey = "the key of a user"

func booleanOf(n *node) bool {
	if n.kind != boolean {
		fail(n, "true or false")
	}
	return n.text() == "true"
}

// orList is "a", "a or b", or "one of a, b and c".
func orList(words []string) string {
	switch n := len(words); n {
	case 1, 2:
		return strings.Join(words, " or ")
	default:
		return "one of " + strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
