package main

// commands are those of one effect for one command (RC1, RC2).
func commands() []guard {
	const door, once = "cmd/hotline/commands.go", "./cmd/hotline"
	return []guard{
		{
			name: "a command's key comes from the door to the stores", file: door,
			old: "onekey.NewContext(r.Context(), c)", new: "r.Context()",
			pkg: once, tests: "TestRepeatedCommandHasOneEffect",
		},
		{
			name: "a command is kept in the transaction of the ticket that it opens", file: "ticketing/store/store.go",
			old: "if err := command.Begin(ctx, tx, id.String()); err != nil {", new: "if err := error(nil); err != nil {",
			pkg: "./ticketing/store", tests: "TestCommandSentFiftyTimesIsOne",
		},
		{
			name: "a command is kept in the transaction of its ticket", file: "ticketing/store/store.go",
			old: `command.Begin(ctx, &p, "")`, new: "error(nil)",
			pkg: "./ticketing/store", tests: "TestKeyIsOfOnePersonAndOneCommand|TestRepeatIsAnsweredWithWhatIsThereNow",
		},
		{
			name: "a command of a ticket that would be another one by now is known", file: "ticketing/store/store.go",
			old: "if known := command.Known(ctx); known != nil {", new: "if known := command.Known(ctx); known != nil && false {",
			pkg: "./ticketing/store", tests: "TestKeyIsOfOnePersonAndOneCommand|TestRepeatIsAnsweredWithWhatIsThereNow",
		},
	}
}

// repeated are those of commands that come again.
func repeated() []guard {
	const migration, door, once = "deploy/migrations/0016_commands.sql", "cmd/hotline/commands.go", "./cmd/hotline"
	return []guard{
		{
			name: "a command is kept in the transaction of its seat", file: "agent/store/seat.go",
			old: `err = command.Begin(ctx, &p, "")`, new: "err = nil",
			pkg: "./agent/store", tests: "TestRepeatAtAnotherServer|TestRepeatedCommandDoesNothing",
		},
		{
			name: "a command that would mean something else by now is known", file: "agent/store/seat.go",
			old: "err = cmp.Or(command.Known(ctx), err)", new: "err = cmp.Or(err)",
			pkg: "./agent/store", tests: "TestRepeatedCommandDoesNothing",
		},
		{
			name: "another command under the key is refused", file: migration,
			old: "IF was.hash IS DISTINCT FROM asked THEN", new: "IF false THEN",
			pkg: "./ticketing/store", tests: "TestKeyIsOfOnePersonAndOneCommand",
		},
		{
			name: "another command under the key is refused where nothing is written", file: migration,
			old: "IF was.hash <> asked THEN", new: "IF false THEN",
			pkg: "./agent/store", tests: "TestRepeatedCommandDoesNothing",
		},
		{
			name: "what a command asks counts", file: "agent/command/command.go",
			old: "io.TeeReader(of, c.asked)", new: "of",
			pkg: "./ticketing/store", tests: "TestKeyIsOfOnePersonAndOneCommand",
		},
		{
			name: "who repeats a command sees what is theirs", file: "ticketing/service.go",
			old: "t, _, err = s.Ticket(ctx, who, TicketID(repeated.Made))", new: "_, err = repeated, nil",
			pkg: "./ticketing/store", tests: "TestRepeatIsAnsweredWithWhatIsThereNow",
		},
		{
			name: "a database that says nothing is no leave", file: "agent/command/command.go",
			old: "c.asked.Sum(nil))\n\treturn unsure(told(err))", new: "c.asked.Sum(nil))\n\t_ = err\n\treturn nil",
			pkg: once, tests: "TestControllerIsToldOnce",
		},
		{
			name: "the controller is told once", file: door,
			old: "\tif err := onekey.Known(ctx); err != nil {", new: "\tif err := error(nil); err != nil {",
			pkg: once, tests: "TestControllerIsToldOnce",
		},
		{
			name: "twins of a command come one after the other", file: door,
			old: "o.running[name] = done", new: "_ = name",
			pkg: once, tests: "TestControllerIsToldOnce",
		},
	}
}

// fields are those of two people in one draft (RC6), and of who leaves it (RU11).
func fields() []guard {
	const edit, next = "ticketing/edit.go", "ticketing/next.go"
	return []guard{
		{
			name: "who is late in a field is told", file: edit,
			old: "if t.Written[f].Version > seen ||", new: "if t.Written[f].Version > seen+100 ||",
			pkg: "./ticketing", tests: "TestFieldsHaveVersions",
		},
		{
			name: "and was late when they began", file: edit,
			old: "seen, ok := p.Seen[f]", new: "seen, ok := p.Version, f != \"\"",
			pkg: "./ticketing", tests: "TestFieldsHaveVersions",
		},
		{
			name: "who is late in a ticket is not late twice", file: "ticketing/store/store.go",
			old: "if _, err := q.LockTicket(ctx, string(id)); err != nil", new: "if err := error(nil); err != nil",
			pkg: "./ticketing/store", tests: "TestTwoPeopleInOneDraft|TestNumbersAreDenseUnderConcurrency",
		},
		{
			name: "who has written in a ticket may read it for good", file: "ticketing/store/db/queries.sql.go",
			old: "ELSE writers || $16 END", new: "ELSE writers END",
			pkg: "./ticketing/store", tests: "TestWhoHasWrittenMayRead",
		},
		{
			name: "who wrote what is stored", file: "ticketing/store/store.go",
			old: "packWritten(t.Written)", new: "packWritten(nil)",
			pkg: "./ticketing/store", tests: "TestTwoPeopleInOneDraft",
		},
		{
			name: "what is missing is named before the next caller", file: next,
			old: "if open := unfinished(drafts); len(open) > 0 {", new: "if open := unfinished(drafts); len(open) > 100 {",
			pkg: "./ticketing/httpapi", tests: "TestNextNamesWhatIsMissing",
		},
		{
			name: "a late word is told so first", file: next,
			old: "case now.Card == nil || now.Card.ID != n.Call:", new: "case false:",
			pkg: "./ticketing/httpapi", tests: "TestLateNextIsToldWhatIsNow",
		},
		{
			name: "the next caller is for the people of the seat", file: next,
			old: "if !who.Can(policy.NextCaller, policy.Resource{Own: desk.Sits(who)}) {", new: "if !who.Can(policy.NextCaller, policy.Resource{Own: desk.Sits(who) || true}) {",
			pkg: "./ticketing/httpapi", tests: "TestNextIsForTheSeatsPeople",
		},
	}
}

// poison are those of facts that can not be digested (RC3).
func poison() []guard {
	return []guard{
		{
			name: "poison is set aside at its first try", file: "realtime/factlog/react.go",
			old: "attempt == r.Attempts || attempt > 0 && !passes(err)", new: "attempt == r.Attempts || attempt > 100 && !passes(err)",
			pkg: "./realtime/factlog", tests: "TestPoisonIsSetAsideAtOnceAndMended",
		},
		{
			name: "what can never be mended keeps nothing from its turn", file: "realtime/factlog/parked.go",
			old: "SET at = $4, attempts", new: "SET at = least(at, $4), attempts",
			pkg: "./realtime/factlog", tests: "TestMendingComesToEveryFact",
		},
		{
			name: "nobody has seen a version to come", file: "ticketing/edit.go",
			old: " || seen > t.Version {", new: " {",
			pkg: "./ticketing", tests: "TestFieldsHaveVersions",
		},
		{
			name: "a fact that is set aside outlives its day", file: "realtime/factlog/parked.go",
			old: "WHERE consumer = $1 ORDER BY at, xid, id LIMIT $2", new: "WHERE consumer = $1 AND (xid, id) IN (SELECT xid, id FROM fact) ORDER BY xid, id LIMIT $2",
			pkg: "./realtime/factlog", tests: "TestPoisonIsSetAsideAtOnceAndMended",
		},
		{
			name: "what was set aside is mended by the server", file: "cmd/hotline/parked.go",
			old: "mended, err := factlog.Mend(ctx, s.follow, s.reaction())", new: "mended, err := 0, error(nil)",
			pkg: "./cmd/hotline", tests: "TestFactSetAsideIsToldAndMended",
		},
		{
			name: "the doctor tells of facts that were set aside", file: "cmd/hotline/parked.go",
			old: "case n > 0:", new: "case n < 0:",
			pkg: "./cmd/hotline", tests: "TestFactSetAsideIsToldAndMended",
		},
	}
}

// late are those of what commands carry: what their maker saw (RC4).
func late() []guard {
	return []guard{
		{
			name: "a late word for the next caller ends no other wrap-up", file: "telephony/store/db/queries.sql.go",
			old: "AND work = 'wrap_up' AND call = $3", new: "AND work = 'wrap_up' AND $3::uuid IS NOT NULL",
			pkg: "./telephony/control", tests: "TestLateWordEndsNoOtherWrapUp",
		},
		{
			name: "nor does it with an offer in the same step", file: "telephony/control/seats.go",
			old: "d.kind == dueWrapUp && d.call == call\n}", new: "d.kind == dueWrapUp\n}",
			pkg: "./telephony/control", tests: "TestLateWordEndsNoOtherWrapUp",
		},
		{
			name: "a late click ends no other state of a call", file: "telephony/apply.go",
			old: "len(c.Seats()) == 0) {\n\t\t\treturn ErrNotInCall\n\t\t}\n\t\treturn stale(c, e.Version)", new: "len(c.Seats()) == 0) {\n\t\t\treturn ErrNotInCall\n\t\t}",
			pkg: "./telephony/control", tests: "TestHangUpNamesSeatAndVersion",
		},
		{
			name: "a late click holds nobody", file: "telephony/apply.go",
			old: "c.Segment.ID != p.ID {\n\t\t\treturn ErrNotInCall\n\t\t}\n\t\treturn stale(c, e.Version)", new: "c.Segment.ID != p.ID {\n\t\t\treturn ErrNotInCall\n\t\t}",
			pkg: "./telephony/control", tests: "TestHoldAndResume",
		},
		{
			name: "a command names the call as its maker saw it", file: "telephony/httpapi/httpapi.go",
			old: `json:"version" minimum:"1" example:"3" doc:"Of the call as seen; a late click cannot end another state of it"`, new: `json:"version,omitempty" minimum:"1" example:"3"`,
			pkg: "./telephony/httpapi", tests: "TestActsOnWhatIsNotThere",
		},
		{
			name: "a late click is told what is there now", file: "telephony/httpapi/httpapi.go",
			old: "door.Moved(code, card(desk.Card))", new: "door.Moved(code, card(map[bool]*telephony.Card{true: desk.Card}[false]))",
			pkg: "./telephony/httpapi", tests: "TestErrorsOfTheController",
		},
		{
			name: "a late click opens no microphone", file: "telephony/apply.go",
			old: "p.Joined.IsZero() {\n\t\t\treturn ErrNotInCall\n\t\t}\n\t\treturn stale(c, e.Version)", new: "p.Joined.IsZero() {\n\t\t\treturn ErrNotInCall\n\t\t}",
			pkg: "./telephony/control", tests: "TestLateMute",
		},
	}
}
