package main

import (
	"fmt"
	"strconv"
	"strings"
)

const none = "–"

// duration writes ns in the unit that needs the fewest digits.
func duration(ns float64) string {
	switch {
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1_000_000:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return fmt.Sprintf("%.2f ms", ns/1e6)
}

// kib writes bytes as KiB. The text comes from our own tools.
func kib(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return none
	}
	return fmt.Sprintf("%.0f", n/1024)
}

// markdown writes a table. Rows without any figure are left out.
func markdown(head []string, rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|---|%s\n", strings.Join(head, " | "), strings.Repeat("---:|", len(head)-1))
	for _, row := range rows {
		if strings.Trim(strings.Join(row[1:], ""), none) != "" {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return b.String()
}
