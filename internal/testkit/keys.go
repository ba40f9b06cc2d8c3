package testkit

import (
	"fmt"
	"strings"
)

// KeyMaker makes the i-th of many different keys.
type KeyMaker struct {
	Name string
	Key  func(i int) string
}

// Keys returns makers of keys that a hash table may confuse: keys that are
// short, empty, start or end alike, or are not ASCII.
func Keys() []KeyMaker {
	return []KeyMaker{
		{Name: "short", Key: func(i int) string { return fmt.Sprintf("%x", i) }},
		{Name: "with empty", Key: func(i int) string {
			if i == 0 {
				return ""
			}
			return strings.Repeat("\x00", i%9) + string(rune('a'+i/9)) + strings.Repeat("x", i%3)
		}},
		{Name: "same start", Key: func(i int) string { return fmt.Sprintf("feature-flag-of-team-%d", i) }},
		{Name: "same end", Key: func(i int) string { return fmt.Sprintf("%d-feature-flag-enabled", i) }},
		{Name: "same ends", Key: func(i int) string { return fmt.Sprintf("feature-%d-enabled", i) }},
		{Name: "other alphabet", Key: func(i int) string { return fmt.Sprintf("开关%d", i) }},
	}
}
