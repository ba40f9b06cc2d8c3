// Package nearest suggests names in place of unknown ones.
package nearest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxNearest is the maximum number of suggested names.
const maxNearest = 3

// Names returns the names that are most similar to name, the most similar
// first.
func Names(name string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	wrote := strings.ToLower(name)
	for _, n := range names {
		has := strings.ToLower(n)
		d := distance(wrote, has)
		// Most short words differ in few letters only.
		if limit := max(1, len(wrote)/3); d > limit {
			if len(wrote) < 3 || !strings.Contains(has, wrote) {
				continue
			}
			d = limit + 1
		}
		found = append(found, candidate{n, d})
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, c := range found[:min(len(found), maxNearest)] {
		out = append(out, c.name)
	}
	return out
}

// distance returns the number of letters to add, remove, change or swap with the
// next letter to turn a into b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, last, this := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := range from {
		this[0] = i + 1
		for j := range to {
			change := 1
			if from[i] == to[j] {
				change = 0
			}
			this[j+1] = min(last[j]+change, last[j+1]+1, this[j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				this[j+1] = min(this[j+1], before[j-1]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(to)]
}

// DidYouMean is the end of a sentence about an unknown name.
func DidYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return ": did you mean " + strings.Join(quoted, " or ") + "?"
}
