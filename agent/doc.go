// Package agent owns units, people, their rights, seats and presence: who sits where, whether they take calls, and whether
// their telephone works. It knows neither calls nor tickets; what a seat does for calls is written by telephony and only
// read here (peers.md 3.1: four facts, one writer each).
//
// Apply is the presence machine, pure; Service runs it: one store transaction per step, then the indexes and the exchange.
package agent
