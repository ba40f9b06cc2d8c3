// Package platform knows what the platforms differ in: secrets and tokens, the
// messages that they send and accept, and how these become the neutral model of
// package model.
//
// A Protocol has what is the same for all environments of a platform, a Codec
// reads the data of one. A further platform is a function like Classic that All
// returns.
package platform
