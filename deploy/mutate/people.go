package main

// signIn are those of the sign-in (RS7 to RS9).
func signIn() []guard {
	const check, device, proxy = "agent/auth/check.go", "agent/auth/device.go", "cmd/hotline/proxy.go"
	return []guard{
		{
			name: "an address that fails too often is barred before any work", file: check,
			old: `if barred > 0 && asker.devices == "" {`, new: `if false && barred > 0 && asker.devices == "" {`,
			pkg: "./agent/auth", tests: "TestBarredAddressWaitsForNothing",
		},
		{
			name: "an account is locked after its failures", file: check,
			old: "\tif nth > 0 {\n\t\tif right", new: "\tif nth >= 0 {\n\t\tif right",
			pkg: "./agent/auth", tests: "TestLockOut|TestLockIsOfTheAddress",
		},
		{
			name: "nobody disabled comes in", file: check,
			old: `|| at.account.Disabled {`, new: `{`,
			pkg: "./agent/auth", tests: "TestDisabledPersonIsCutOff|TestOneAnswerForEveryFailure",
		},
		{
			name: "failures wait for their answer", file: check,
			old: "if d := a.cfg.Limits.delay(nth); d > 0 {", new: "if d := a.cfg.Limits.delay(nth); d < 0 {",
			pkg: "./agent/auth", tests: "TestLockOut|TestOneAnswerForEveryFailure",
		},
		{
			name: "a device is known by its signature", file: device,
			old: "if hmac.Equal([]byte(m.String()), []byte(signed(acc, m.device).String())) {", new: "if m.account == signed(acc, m.device).account {",
			pkg: "./agent/auth", tests: "TestDevice",
		},
		{
			name: "one address can not fill the queue of sign-in", file: "agent/auth/password.go",
			old: "newQueue(mostWaiting, eachWaiting)", new: "newQueue(mostWaiting, mostWaiting)",
			pkg: "./agent/auth", tests: "TestCrowdAtOneAddressIsBounded",
		},
		{
			name: "a reset beats whoever waits with the old password", file: "agent/store/db/queries.sql.go",
			old: "AND p.password_hash = $6 AND p.disabled_at", new: "AND $6::text <> '' AND p.disabled_at",
			pkg: "./agent/auth", tests: "TestResetBeatsWhoWaits",
		},
		{
			name: "a stranger's X-Forwarded-For is not read", file: proxy,
			old: "if err != nil || !holds(trusted, port.Addr()) {", new: "if _ = port; err != nil {",
			pkg: "./cmd/hotline", tests: "TestAddressBehindTheProxy",
		},
		{
			name: "what stands before our proxy's word is not believed", file: proxy,
			old: "if from = addr; !holds(trusted, addr) {", new: "if from = addr; false {",
			pkg: "./cmd/hotline", tests: "TestAddressBehindTheProxy",
		},
	}
}

// rights are those of the table (RG3), and of what it is asked about.
func rights() []guard {
	const door, policy = "agent/door/door.go", "agent/policy/policy.go"
	return []guard{
		{
			name: "who has not signed in comes through no door", file: door,
			old: "\tif !ok {\n\t\treturn problem.New(http.StatusUnauthorized", new: "\tif ok = true; !ok {\n\t\treturn problem.New(http.StatusUnauthorized",
			pkg: "./agent/door", tests: "TestWhoComesIn",
		},
		{
			name: "roles that do not have the right come through no door", file: door,
			old: "return NotAllowed(r.actions[0])\n}", new: "return nil\n}",
			pkg: "./agent/door", tests: "TestWhoComesIn",
		},
		{
			name: "an operation that declares no action is not served", file: door,
			old: "if !rule.declared() {\n\t\ta.mux.", new: "if false {\n\t\ta.mux.",
			pkg: "./cmd/hotline", tests: "TestOperationWithoutAnActionIsRefused",
		},
		{
			name: "a scope of one's own reaches nobody else's", file: policy,
			old: "\tcase Own:\n\t\treturn r.Own", new: "\tcase Own:\n\t\treturn true",
			pkg: "./agent/policy", tests: "TestScopesGrow",
		},
		{
			name: "a scope of the unit reaches nothing confidential", file: policy,
			old: "r.SameUnit && !r.Withheld", new: "r.SameUnit",
			pkg: "./agent/policy", tests: "TestScopesGrow",
		},
		{
			name: "roles that must not meet give nothing", file: policy,
			old: "if !a.Declared() || mixed(roles) {", new: "if !a.Declared() {",
			pkg: "./agent/policy", tests: "TestRolesAddUpUnlessTheyMustNotMeet",
		},
	}
}

// places are those of who sits where (RS4 to RS6).
func places() []guard {
	const hearing, lost = "cmd/hotline/hearing.go", "cmd/hotline/rights.go"
	return []guard{
		{
			name: "a seat's news is for who sits there", file: hearing,
			old: `r.Own = who.Place.AtDesk() && name == string(who.Seat)`, new: `r.Own = true`,
			pkg: "./cmd/hotline", tests: "TestRightsOfEveryOperation",
		},
		{
			name: "a line's news is for who sits at it", file: hearing,
			old: `r.Own = who.Place.AtDesk() && name == string(who.Line)`, new: `r.Own = true`,
			pkg: "./cmd/hotline", tests: "TestRightsOfEveryOperation",
		},
		{
			name: "a unit's news is for that unit", file: hearing,
			old: "r.SameUnit = name == who.Unit", new: "r.SameUnit = true",
			pkg: "./cmd/hotline", tests: "TestRightsOfEveryOperation|Unit",
		},
		{
			name: "nobody hears what was told before they sat down", file: hearing,
			old: "from.XID = who.Tx", new: "from.XID = 0",
			pkg: "./cmd/hotline", tests: "Unit",
		},
		{
			name: "a seat is for whom it is assigned to", file: "agent/store/seat.go",
			old: "if err == nil && !assigned {", new: "if false && !assigned {",
			pkg: "./agent/store", tests: "TestWhoIsNotAssignedDoesNotSit",
		},
		{
			name: "other sessions' assignments keep no seat", file: "deploy/migrations/0012_sitting.sql",
			old: "WHERE a.session IS NULL OR s.state IN ('check_in', 'open', 'closing', 'draining')\n   OR", new: "WHERE true OR",
			pkg: "./agent/store", tests: "TestWhatKeepsAPlace",
		},
		{
			name: "nobody keeps a lost seat by wishing", file: lost,
			old: "if lost || err != nil {", new: "if _ = lost; err != nil {",
			pkg: "./cmd/hotline", tests: "TestAConversationEndsBeforeTheSeatIsLost",
		},
		{
			name: "a lost right closes the push", file: lost,
			old: "{ return hears(l.alive[w.Login], topic) })", new: "{ at, _ := hears(l.alive[w.Login], topic); return at, true })",
			pkg: "./cmd/hotline", tests: "TestLostRightsCloseWhatTheyOpened",
		},
		{
			name: "a lost right closes the softphone", file: lost,
			old: "if !telephones(l.alive[login]) {", new: "if _ = login; false {",
			pkg: "./cmd/hotline", tests: "TestLostRightsCloseWhatTheyOpened",
		},
	}
}

// rows are what the database itself shows to whom.
func rows() []guard {
	const reader = "agent/store/reader.go"
	return []guard{
		{
			name: "a connection shows the rows of whom it is for now", file: reader,
			old: "if is[known] == now {", new: "if is[known] != nil {",
			pkg: "./ticketing/store", tests: "TestRowsAreTheReaders",
		},
		{
			name: "the accused unit reads nothing about itself, not even in a pop", file: "deploy/migrations/0013_row_security.sql",
			old: "call IN (SELECT reader_citizens_calls()) AND id NOT IN (SELECT reader_unit_accused()));", new: "call IN (SELECT reader_citizens_calls()));",
			pkg: "./ticketing/store", tests: "TestRowsAreTheReaders",
		},
		{
			name: "who may not write has nothing of their own", file: reader,
			old: "if r.writes == policy.None {", new: "if false {",
			pkg: "./ticketing/store", tests: "TestRowsAreTheReaders",
		},
		{
			name: "row-level security follows the table of rights", file: reader,
			old: "tickets: who.ScopeOf(policy.ReadTickets)", new: "tickets: policy.All",
			pkg: "./ticketing/store", tests: "TestRowsAreTheReaders",
		},
		{
			name: "the web's records are those of their reader", file: "cmd/hotline/wire.go",
			old: "cfg.PrepareConn = agentstore.ForReader", new: "cfg.ConnConfig.RuntimeParams[\"hotline.tickets\"] = \"all\"",
			pkg: "./cmd/hotline", tests: "TestRecordsAreTheReaders",
		},
		{
			name: "no part of the server works as another role than its own", file: "deploy/migrations/roles.go",
			old: "  (NOT pg_has_role(r.oid, to_regrole($2), 'USAGE'), 'is not ' || $2),\n", new: "",
			pkg: "./deploy/migrations", tests: "TestPowersAreSeen",
		},
	}
}
