package main

// inputs are those of what comes in (RS10, RS12, RS15, RS16).
func inputs() []guard {
	const text, seat, limits = "agent/text.go", "agent/httpapi/seat.go", "cmd/hotline/limits.go"
	return []guard{
		{
			name: "text is UTF-8", file: text,
			old: "if !utf8.ValidString(s) {", new: "if false && !utf8.ValidString(s) {",
			pkg: "./agent", tests: "TestText",
		},
		{
			name: "text holds no control character", file: text,
			old: "case unicode.IsControl(r):", new: "case false:",
			pkg: "./agent", tests: "TestText",
		},
		{
			name: "text is shown as it is stored (bidi)", file: text,
			old: "case unicode.Is(unicode.Bidi_Control, r):", new: "case false:",
			pkg: "./agent", tests: "TestText",
		},
		{
			name: "a seat's telephone has the seat's name", file: seat,
			old: "if !ours || err != nil ||", new: "if _ = ours; err != nil ||",
			pkg: "./agent/httpapi", tests: "TestContactIsTheSeatsOwn",
		},
		{
			name: "a seat's telephone is in a configured network", file: seat,
			old: "if !slices.ContainsFunc(h.SIPNetworks,", new: "if false && !slices.ContainsFunc(h.SIPNetworks,",
			pkg: "./agent/httpapi", tests: "TestContactIsTheSeatsOwn",
		},
		{
			name: "a login asks only so often", file: limits,
			old: "&& !p.allow(id.Login) {", new: "&& false && !p.allow(id.Login) {",
			pkg: "./cmd/hotline", tests: "TestRequestsPerLogin|TestLoginThatAsksTooOftenIsTold",
		},
		{
			name: "topics have a form", file: "realtime/ticket.go",
			old: "if slices.ContainsFunc(r.Topics, malformed) {", new: "if false && slices.ContainsFunc(r.Topics, malformed) {",
			pkg: "./realtime", tests: "TestTopicsHaveAForm",
		},
		{
			name: "a softphone's socket is for who sits at a telephone", file: "cmd/hotline/sip.go",
			old: "case !telephones(standing):", new: "case false:",
			pkg: "./cmd/hotline", tests: "TestSoftphoneIsForSitters",
		},
	}
}

// numbers are those of citizens' numbers (RS1, RS2, RS13).
func numbers() []guard {
	const keyring, fits = "agent/vault/keyring.go", "agent/vault/fits.go"
	return []guard{
		{
			name: "a key file is for its owner alone", file: keyring,
			old: "case info.Mode().Perm()&0o177 != 0:", new: "case false:",
			pkg: "./agent/vault", tests: "TestKeyFileIsForItsOwnerAlone",
		},
		{
			name: "keys of another database are refused", file: fits,
			old: "case here && our != k.Key:", new: "case false && here && our != k.Key:",
			pkg: "./agent/vault", tests: "TestFits",
		},
		{
			name: "a file that lacks a key is refused", file: fits,
			old: "case !here && k.Purpose == PurposeSeal && k.State == Active:", new: "case false:",
			pkg: "./agent/vault", tests: "TestFits",
		},
		{
			name: "the exchange writes down no number", file: "deploy/asterisk/templates/cdr_custom.conf",
			old: "dcontext,disposition,lastapp", new: "dcontext,disposition,lastapp,src",
			pkg: "./cmd/hotline/demo", tests: "TestNothingTellsWhoCalledAndWhatTheySaid",
		},
	}
}
