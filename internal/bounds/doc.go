// Package bounds measures what data takes that a platform, a cache or a proxy
// could send: the peak memory of a process that gets it, and its time, for every
// entry that data has. It makes the table of docs/limits.md, and its tests hold
// the multiples that the table and SECURITY.md promise.
package bounds
