// Package ari speaks to Asterisk 22 over ARI: it is the Switch of telephony/control by REST and delivers the event
// socket as [telephony.Signal] values, in order.
//
// The types and the names of the events are those of CyCoreSystems/ari v5.3.1; its decoder, socket, bus and REST client are not used,
// because they read every event four times, crash on an unknown one, drop events in silence, hide reconnects and never time out
// (telephony.md 1.3, L1–L34; the tests of this package carry those numbers). What is ours:
//
//   - a decoder that reads of an event what we need of it, in one pass;
//   - one goroutine reads the socket and does nothing else: a reader that waits would make Asterisk close the socket;
//   - a bounded queue between it and the controller, whose overflow is told as a signal and never blocks;
//   - a reconnect that is told as Down and Up, so that the controller reconciles;
//   - REST calls with a deadline each, ids chosen by us, ARI's own error text kept, and a fence before every command
//     that changes something (reliability.md R3).
//
// The package knows channels, bridges and endpoints. It must not know what a line, a ticket or a person is, holds no
// state of a call, and decides nothing.
package ari
