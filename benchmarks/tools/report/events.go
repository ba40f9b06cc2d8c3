package main

import "strconv"

// deliveries is a table of how long events take to leave.
func (r *results) deliveries() string {
	var lines [][]string
	for _, peer := range rows() {
		if ns, ok := r.time(peer, "BenchmarkDeliver"); ok {
			lines = append(lines, []string{title(peer), duration(ns)})
		}
	}
	return markdown([]string{"10,000 evaluations", "until their events have left"}, lines)
}

// traffic is a table of the bytes and requests of events.
func (r *results) traffic() string {
	head := []string{"10,000 evaluations: bytes of each, requests"}
	lines := make([][]string, len(rows()))
	for i, peer := range rows() {
		lines[i] = []string{title(peer)}
	}
	for _, column := range []struct{ title, users string }{
		{"each for another user", "each"},
		{"ten flags for each user", "ten-flags"},
		{"one flag for one user", "one"},
	} {
		head = append(head, column.title, "requests")
		for i, peer := range rows() {
			lines[i] = append(lines[i], r.sent(peer, column.users)...)
		}
	}
	return markdown(head, lines)
}

// sent is the bytes of an evaluation and the requests of all, for some users.
func (r *results) sent(peer, users string) []string {
	name := "BenchmarkTraffic/users=" + users
	bytes, ok := r.median(peer, name, "sent-B/evaluation")
	if !ok {
		return []string{none, none}
	}
	requests, _ := r.median(peer, name, "requests")
	digits := 0
	if bytes < 100 {
		digits = 2
	}
	return []string{strconv.FormatFloat(bytes, 'f', digits, 64), strconv.FormatFloat(requests, 'f', 0, 64)}
}
