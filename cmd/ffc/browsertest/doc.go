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
