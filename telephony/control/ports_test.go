package control_test

import (
	"hotline/agent"
	"hotline/telephony/ari"
	"hotline/telephony/control"
	"hotline/telephony/line"
	"hotline/telephony/store"
)

// What the product wires meets the ports.
var (
	_ control.Switch   = (*ari.Client)(nil)
	_ control.Ledger   = (*store.Store)(nil)
	_ control.Queue    = (*line.Queue)(nil)
	_ control.Presence = (*agent.Service)(nil)
	_ control.Lease    = (*store.Lease)(nil)
)
