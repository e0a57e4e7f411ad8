// Package asterisk installs and runs a private Asterisk 22 for hotline: configuration from templates, an explicit list of
// modules, Chinese prompts and music on hold, everything but browsers' media on loopback.
//
//	inst, err := asterisk.Install(ctx, ".cache", say)
//	…
//	sounds, err := asterisk.BuildSounds(ctx, asterisk.SoundsConfig{Cache: ".cache", Progress: say})
//	…
//	x, err := asterisk.Start(ctx, inst, asterisk.Config{Dir: ".run/asterisk", ARIPassword: secret, Sounds: sounds})
//	…
//	err = x.Stop(ctx)
//
// # Where Asterisk comes from
//
// [Find] takes an asterisk on PATH that is at least [MinVersion]; below that its ARI has known holes (telephony.md 5.3).
// Otherwise [Install] takes the distribution's package if it is new enough, and otherwise unpacks Debian's newer suite into
// <cache>/asterisk-root, about 20 s, once. The root is built beside its place and renamed, so half of one is never used.
// From a root it runs in a mount namespace of its own, chrooted, with its Dir bound to /srv, and not as root; when the
// process ends, the namespace goes with it and nothing is left mounted.
//
// # When the controller is away (R1)
//
// The dialplan answers, says that the call has been received, plays music, and offers the call to the controller every two
// seconds meanwhile; after [Config.FallbackAfter] it apologises, takes a message and hangs up. A call that comes into the net is
// written down in spool/net ([Instance.NetDir]), with its number, for the controller to record and delete when it is back. Nobody
// but Asterisk may read that: it runs with umask 077, and whoever runs hotline as another user gives that user the folder by a
// default ACL (setfacl -d -m u:hotline:rwX). Every call leaves a row without a number in log/cdr-custom/calls.csv
// ([Instance.CallRecords]).
//
// # Several at once
//
// Directory, ports and the range of RTP ports are settings; a directory has one Asterisk (a lock says so), and it dies with
// the process that started it. Tests use package asterisktest.
//
// The package must not know calls, seats or tickets; what a call means is decided behind ARI.
package asterisk
