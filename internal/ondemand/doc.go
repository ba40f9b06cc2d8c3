// Package ondemand brings data up to date when somebody asks for it, and does
// nothing in between: no goroutine, no timer. Transports that work on demand
// share it.
package ondemand
