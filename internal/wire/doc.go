// Package wire knows how the platform speaks: secrets and tokens, the messages
// it sends and takes, and how they become the neutral model of package model.
package wire
