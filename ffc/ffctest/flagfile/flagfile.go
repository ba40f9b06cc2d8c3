// Package flagfile reads the flag file of ffc serve, so that tests, local runs and
// demos share one file.
//
//	data, err := flagfile.Read("flags.json", ffctest.Classic)
//	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: data})
//
// docs/local.md has what a file can hold. A snapshot, such as Client.WriteSnapshot
// writes, is a flag file, too.
package flagfile

import (
	"bytes"
	"fmt"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	format "github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// Read returns the flags and segments of the flag file at path in bootstrap form,
// for ffc.Config.Bootstrap, ffctest.NewServer, HandlerConfig.Data and
// Server.Replace. It fails if the file cannot be read, as Parse does otherwise.
func Read(path string, platform ffctest.Platform) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the flag file: %w", err)
	}
	return Parse(path, text, platform)
}

// Parse is Read for text that the caller has, such as an embedded file. It does
// not keep text. The error begins with name, the line and the column of what is
// wrong, and says what was expected. A snapshot of the other platform is an
// error.
func Parse(name string, text []byte, platform ffctest.Platform) ([]byte, error) {
	data, err := format.Snapshot(name, text, platform.String())
	return bytes.Clone(data), err
}
