// Package browsertest tests the page of "ffc serve" in Chromium, against a
// platform in this process and clients that are connected to it.
//
// The browser is the one that CHROME names, or else chromium,
// chromium-browser, google-chrome or google-chrome-stable, if one is installed.
// Without one the tests fail, unless FFC_NO_BROWSER=1 says to skip them.
//
// The pictures in docs/ are taken by
//
//	go test -run TestScreenshots -screenshots ../../../docs
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// errNoBrowser says how to get one.
var errNoBrowser = errors.New("no browser is installed: install Chromium, with \"apt-get install chromium\" on Debian, " +
	"or set CHROME to the path of Chromium or Chrome; FFC_NO_BROWSER=1 skips these tests")

// findBrowser returns the path of a browser.
func findBrowser() (string, error) {
	if path := os.Getenv("CHROME"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("CHROME is no program that can be run: %w", err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoBrowser
}

// The tests share a browser, as it takes a second to start.
var (
	browserContext context.Context
	stopBrowser    = func() {}
	startBrowser   = sync.OnceValue(func() error {
		path, err := findBrowser()
		if err != nil {
			return err
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
		allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		browser, _ := chromedp.NewContext(allocator)
		stopBrowser = func() {
			bounded, done := context.WithTimeout(browser, 10*time.Second)
			defer done()
			if err := chromedp.Cancel(bounded); err != nil {
				fmt.Fprintln(os.Stderr, "the browser did not close:", err)
			}
			cancel()
		}
		browserContext = browser
		return chromedp.Do(browser)
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopBrowser()
	os.Exit(code)
}

// needBrowser starts the browser, or ends the test.
func needBrowser(t *testing.T) {
	t.Helper()
	if os.Getenv("FFC_NO_BROWSER") == "1" {
		t.Skip("FFC_NO_BROWSER=1")
	}
	if err := startBrowser(); err != nil {
		t.Fatal(err)
	}
}

func TestNoBrowserSaysHowToInstallOne(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CHROME", "")
	if path, err := findBrowser(); !errors.Is(err, errNoBrowser) {
		t.Errorf("found %q, error %v; want %v", path, err, errNoBrowser)
	}
	t.Setenv("CHROME", "no-such-browser")
	if path, err := findBrowser(); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("CHROME=no-such-browser: found %q, error %v; want %v", path, err, exec.ErrNotFound)
	}
}
