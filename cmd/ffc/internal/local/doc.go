// Package local is a platform for development on one machine: the engine of
// ffctest, its flags in a file that is watched and written back, and a page that
// shows and changes them.
//
// Package flagfile has what can be in the file.
//
// # Changes
//
// What the page changes is written to the file in the file's own form, and
// leaves all other text as it is. The file is replaced at once, by renaming;
// a symbolic link stays one, and permissions are kept. If the file has changed
// meanwhile the change is refused, so that nothing of an editor's gets lost.
//
// What an editor changes is served about half a second later. Clients are
// pushed the flags that differ; those that are gone are archived. While a file
// cannot be used the flags that it last held are served, and the page and the
// log say what is wrong where.
package local
