// Package platform is the contract between the platforms and the rest of the SDK,
// and has what every platform does in the same way: tokens, bodies of events,
// snapshots.
//
// A Protocol has what is the same for all environments of a platform. A Codec
// reads the data of one environment. Packages classic and featbit each make the
// Protocol of a platform; package scan reads raw messages for both; package
// registry knows which platforms there are. To add a platform, write a package
// like featbit, and add it to the lists in packages registry and admin.
package platform
