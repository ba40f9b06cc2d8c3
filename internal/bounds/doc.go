// Package bounds measures the memory and processor time of a process that gets
// hostile data, through every entry by which a platform, a cache or a proxy can
// send data. It writes the table of docs/limits.md. Its tests check the limits
// that the table and SECURITY.md promise.
package bounds
