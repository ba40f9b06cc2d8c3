package main

import "testing"

func TestRun(t *testing.T) {
	for _, platform := range []string{"classic", "featbit"} {
		t.Run(platform, func(t *testing.T) {
			if err := run(t.Context(), platform); err != nil {
				t.Error(err)
			}
		})
	}
	if err := run(t.Context(), "other"); err == nil {
		t.Error("a platform that does not exist is no error")
	}
}
