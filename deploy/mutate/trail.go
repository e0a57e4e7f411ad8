package main

// trail are those of the audit trail (reliability.md 8).
func trail() []guard {
	const agents, tickets = "agent/store/store.go", "ticketing/store/store.go"
	return []guard{
		{
			name: "trail: an act on people is recorded with it", file: agents,
			old: "if err := keep(ctx, tx, facts, actor, at); err != nil {", new: "if err := keep(ctx, tx, nil, actor, at); err != nil {",
			pkg: "./agent/store", tests: "TestActsAndTheirRecordsAreOne",
		},
		{
			name: "trail: a record goes with its act alone", file: agents,
			old: "if err := keep(ctx, tx, facts, actor, at); err != nil {", new: "if err := keep(ctx, s.pool, facts, actor, at); err != nil {",
			pkg: "./agent/store", tests: "TestActsAndTheirRecordsAreOne",
		},
		{
			name: "trail: an act at somebody else's seat is recorded with it", file: "agent/store/seat.go",
			old: "keep(ctx, &p, facts, step.Actor, step.At))", new: "keep(ctx, s.pool, facts, step.Actor, step.At))",
			pkg: "./agent/store", tests: "TestActsAndTheirRecordsAreOne",
		},
		{
			name: "trail: what is forced is known from what is one's own", file: "agent/facts.go",
			old: "if force {", new: "if force || true {",
			pkg: "./agent/store", tests: "TestOwnSeatsLeaveNoRecord",
		},
		{
			name: "trail: a pending intent taken back by force is recorded", file: "agent/intent.go",
			old: `[]Fact{forced(e.Force, intentFact(n, ""))}`, new: `[]Fact{intentFact(n, "")}`,
			pkg: "./agent/store", tests: "TestForcedPendingLeavesARecord",
		},
		{
			name: "trail: an edit of a ticket is recorded with it", file: tickets,
			old: "audit.Append(ctx, p, kept))", new: "audit.Append(ctx, p))",
			pkg: "./ticketing/store", tests: "TestTicketActsAndTheirRecordsAreOne",
		},
		{
			name: "trail: drafting does not fill it", file: tickets,
			old: "if ch.What == ticketing.WhatDrafted {", new: "if ch.What == ticketing.WhatClosed {",
			pkg: "./ticketing/store", tests: "TestDraftingDoesNotFillTheTrail",
		},
		{
			name: "trail: a field that is edited first is recorded", file: "agent/audit/audit.go",
			old: " AND o.data::jsonb @> a.data::jsonb)", new: ")",
			pkg: "./ticketing/store", tests: "TestDraftingDoesNotFillTheTrail",
		},
		{
			name: "trail: another person's edit is recorded", file: "agent/audit/audit.go",
			old: "o.subject = a.subject AND o.actor = a.actor AND", new: "o.subject = a.subject AND",
			pkg: "./agent/audit", tests: "TestOnceIsOfOneActAndOnePerson",
		},
		{
			name: "trail: a record says where its request came from", file: "agent/audit/audit.go",
			old: "r.Address = cmp.Or(r.Address, addressOf(ctx))", new: "r.Address = cmp.Or(r.Address, \"\")",
			pkg: "./cmd/hotline", tests: "TestActsLeaveOneRecord",
		},
	}
}

// trailOfDoors are those of what requests leave behind.
func trailOfDoors() []guard {
	return []guard{
		{
			name: "trail: nobody reads what leaves no record", file: "cmd/hotline/trail.go",
			old: "return known && r.Method == http.MethodGet && d.Kept != door.Elsewhere", new: "return false && known && r.Method == http.MethodGet && d.Kept != door.Elsewhere",
			pkg: "./cmd/hotline", tests: "TestNothingIsReadWithoutARecord",
		},
		{
			name: "trail: nor what an edit is answered with", file: "cmd/hotline/trail.go",
			old: "known && shown != \"\" {", new: "!known && shown != \"\" {",
			pkg: "./cmd/hotline", tests: "TestNothingIsReadWithoutARecord",
		},
		{
			name: "trail: what an edit is answered with is read", file: "ticketing/store/read.go",
			old: "	audit.Show(ctx, policy.ReadTickets.String()", new: "	audit.Show(context.Background(), policy.ReadTickets.String()",
			pkg: "./cmd/hotline", tests: "TestWhatAnEditShowsIsRecorded",
		},
		{
			name: "trail: who asks for what is not theirs is recorded", file: "cmd/hotline/trail.go",
			old: "signedIn && d.Hides && status", new: "signedIn && !d.Hides && status",
			pkg: "./cmd/hotline", tests: "TestReadsAndRefusalsLeaveARecord",
		},
		{
			name: "trail: a door of several actions has a name there", file: "agent/door/door.go",
			old: `}) && r.called() != ""`, new: `})`,
			pkg: "./agent/door", tests: "TestWhatDeclaresNoActionIsNotServed",
		},
		{
			name: "trail: a read of a ticket is kept", file: "ticketing/httpapi/httpapi.go",
			old: "door.Each(policy.ReadTickets).Kept(door.Always), h.ticket)", new: "door.Each(policy.ReadTickets), h.ticket)",
			pkg: "./cmd/hotline", tests: "TestEveryDoorIsNamed|TestActsLeaveOneRecord",
		},
		{
			name: "trail: an edit is recorded once", file: "ticketing/httpapi/httpapi.go",
			old: "door.Each(policy.WriteTickets), h.patch)", new: "door.Each(policy.WriteTickets).Kept(door.Always), h.patch)",
			pkg: "./cmd/hotline", tests: "TestEveryDoorIsNamed|TestActsLeaveOneRecord",
		},
	}
}

// trailOfPages are those of the walk over the whole chain.
func trailOfPages() []guard {
	const verify = "agent/audit/verify.go"
	return []guard{
		{
			name: "trail: verify holds a page at a time", file: verify,
			old: "tx.Query(ctx, sealedSQL, n, id, verifyPage)", new: "tx.Query(ctx, sealedSQL, n, id, 3*verifyPage)",
			pkg: "./agent/audit", tests: "TestVerifyGoesByPages",
		},
		{
			name: "trail: a second seal in one place hides no row", file: verify,
			old: "(n, id) > ($1, $2)", new: "n > $1 AND ($2::bigint IS NOT NULL)",
			pkg: "./agent/audit", tests: "TestVerifyGoesByPages",
		},
		{
			name: "trail: a seal in no place hides no row", file: verify,
			old: " AND s.n IS NOT NULL)", new: ")",
			pkg: "./agent/audit", tests: "TestVerifyGoesByPages",
		},
		{
			name: "trail: what is found is counted beyond what is named", file: "agent/audit/chain.go",
			old: "if len(c.findings[what]) == mostNamed {", new: "if len(c.findings[what]) < 0 {",
			pkg: "./agent/audit", tests: "TestVerifyGoesByPages",
		},
	}
}

// trailOfKeys are those of acts on the keys of numbers.
func trailOfKeys() []guard {
	return []guard{
		{
			name: "trail: no key is made without a record", file: "telephony/store/keys.go",
			old: "if err := k.record(ctx, tx, action, nil); err != nil {", new: "if err := k.record(ctx, tx, action, nil); err != nil && false {",
			pkg: "./telephony/store", tests: "TestActsOnTheKeysAndTheirRecordsAreOne",
		},
		{
			name: "trail: nothing is resealed without a record", file: "telephony/store/reseal.go",
			old: "if !r.told {", new: "if r.told {",
			pkg: "./telephony/store", tests: "TestActsOnTheKeysAndTheirRecordsAreOne",
		},
	}
}
