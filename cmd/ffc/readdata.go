package main

import (
	"bytes"
	"io"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// readData returns the flags and segments of a file, in the form of
// ffc.Config.Bootstrap. The path - is stdin. A flag file of ffc serve does not name
// its platform; platform does.
func readData(stdin io.Reader, path, platform string) ([]byte, error) {
	data, err := readFile(stdin, path)
	if err != nil {
		return nil, cli.NoDataError("%v", err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors write it
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, cli.NoDataError("%s is empty: expected a flag file, or a snapshot from ffc snapshot", sourceName(path))
	}
	if data, err = flagfile.Bootstrap(sourceName(path), data, platform); err != nil {
		return nil, cli.NoDataError("%v", err)
	}
	return data, nil
}

// readFile returns the content of a file; - is stdin.
func readFile(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

// itemsOf returns the flags and segments of a client, archived ones included.
func itemsOf(client *ffc.Client) (*platform.Whole, error) {
	var items platform.Whole
	if err := client.WriteSnapshot(&items); err != nil {
		return nil, cli.NoDataError("%v", err)
	}
	return &items, nil
}

func sourceName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}
