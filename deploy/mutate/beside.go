package main

import "slices"

// beside are those of the places of a seat beside the one who answers (RS4).
func beside() []guard {
	const presence, migration = "agent/presence.go", "deploy/migrations/0015_places.sql"
	return slices.Concat([]guard{
		{
			name: "beside: the room hears no news of a seat", file: "agent/seat.go",
			old: `return p != "" && p != PlaceRoom && p != PlaceSupervisor`, new: `return p != "" && p != PlaceSupervisor`,
			pkg: "./cmd/hotline", tests: "TestWhatAPlaceSees",
		},
		{
			name: "beside: the supervisor's place opens nothing by itself", file: "agent/seat.go",
			old: `return p != "" && p != PlaceRoom && p != PlaceSupervisor`, new: `return p != "" && p != PlaceRoom`,
			pkg: "./cmd/hotline", tests: "TestWhatAPlaceSees",
		},
		{
			name: "beside: the room is no party of a call", file: migration,
			old: "AND s.place NOT IN ('room', 'supervisor')\n  AND s.began_at < coalesce(h.ended_at, 'infinity')", new: "AND s.began_at < coalesce(h.ended_at, 'infinity')",
			pkg: "./ticketing/store", tests: "TestRoomIsNoPartyOfCalls",
		},
		{
			name: "beside: one place of a seat for a person", file: presence,
			old: `if at := s.placeOf(e.By); at != "" && at != e.Place {`, new: `if at := s.placeOf(e.By); false && at != e.Place {`,
			pkg: "./cmd/hotline", tests: "TestEveryPlaceIsTakenAndLeft",
		},
		{
			name: "beside: a kind of seat has its places", file: presence,
			old: "if !slices.Contains(Places(s.Kind), Chair(s.Kind, e.Place)) ||", new: "if _ = slices.Contains[[]Place];",
			pkg: "./agent", tests: "TestASeatHasItsPlaces",
		},
		{
			name: "beside: a telephone that was given back while it was put goes again", file: "agent/beside.go",
			old: "if !slices.Contains(now, p) {", new: "if !slices.Contains(now, p) && false {",
			pkg: "./agent/store", tests: "TestTelephoneOfWhoLeavesMeanwhile",
		},
		{
			name: "beside: the room's tickets are none of the seat's calls", file: "deploy/migrations/0013_row_security.sql",
			old: "WHERE a.person = reader() AND a.place NOT IN ('room', 'supervisor')", new: "WHERE a.person = reader()",
			pkg: "./cmd/hotline", tests: "TestWhatAPlaceSees",
		},
		{
			name: "beside: who has no right to the hall sees the seats assigned", file: "agent/httpapi/seat.go",
			old: "if sees(door.Who(ctx), v, places) {", new: "if true {",
			pkg: "./cmd/hotline", tests: "TestRightsOfEveryOperation",
		},
	}, telephones(), absences())
}

// telephones are those of the telephones at places beside.
func telephones() []guard {
	const phones = "agent/beside.go"
	return []guard{
		{
			name: "beside: who does not sit there has no telephone", file: "agent/store/db/queries.sql.go",
			old: "AND o.person = $6", new: "AND $6::uuid IS NOT NULL",
			pkg: "./agent/store", tests: "TestTelephonesOfPlacesBeside",
		},
		{
			name: "beside: a refused telephone is not left at the exchange", file: phones,
			old: "s.drop(ctx, at.Seat, acc.Endpoint)", new: "",
			pkg: "./agent/store", tests: "TestTelephonesOfPlacesBeside",
		},
		{
			name: "beside: the page before has no telephone any more", file: phones,
			old: "s.drop(ctx, at.Seat, old)", new: "",
			pkg: "./agent/store", tests: "TestTelephonesOfPlacesBeside",
		},
		{
			name: "beside: with the place goes the telephone", file: "agent/sync.go",
			old: "s.dropLeft(ctx, before, after)", new: "_ = s.dropLeft",
			pkg: "./agent/store", tests: "TestTelephonesOfPlacesBeside",
		},
		{
			name: "beside: the exchange is not given what is over", file: phones,
			old: "		if p.Over {\n			errs =", new: "		if false {\n			errs =",
			pkg: "./agent/store", tests: "TestTelephonesOfPlacesBeside",
		},
		{
			name: "beside: a place beside is no official's telephone", file: "cmd/hotline/rights.go",
			old: "if who.Place == agent.PlaceOfficial {", new: "if false {",
			pkg: "./cmd/hotline", tests: "TestRightsOfEveryOperation",
		},
		{
			name: "beside: a telephone is for who sits", file: "cmd/hotline/rights.go",
			old: `return who.Can(what, policy.Resource{Own: who.Seat != ""})`, new: `return who.Can(what, policy.Resource{Own: true})`,
			pkg: "./cmd/hotline", tests: "TestSoftphoneIsForSitters",
		},
	}
}

// absences are those of whose page is gone (RU13).
func absences() []guard {
	const presence, attendance, attending = "agent/presence.go", "agent/attendance.go", "cmd/hotline/attend.go"
	return []guard{
		{
			name: "beside: nobody takes the place of who is there", file: presence,
			old: `case before.Person != "" && !before.Away:`, new: `case false:`,
			pkg: "./agent", tests: "TestRU13",
		},
		{
			name: "beside: a reload loses no place", file: attendance,
			old: "case !a.Away && known >= g.Away:", new: "case !a.Away && known > 0:",
			pkg: "./cmd/hotline", tests: "TestRU13PresenceComesFromTheSocket",
		},
		{
			name: "beside: nobody is away before it is known who has a page", file: attendance,
			old: "known := min(gone, now.Sub(since))", new: "known := gone",
			pkg: "./agent", tests: "TestRU13WhatAnAbsenceBecomes",
		},
		{
			name: "beside: what was decided on another's absence is nobody's", file: attendance,
			old: "if st.Beside(a.Place) != (Side{Person: a.Person, Away: a.Away}) {", new: "if false {",
			pkg: "./agent/store", tests: "TestRU13AbsenceIsKept",
		},
		{
			name: "beside: the official's place is not the socket's to take", file: "agent/store/db/queries.sql.go",
			old: "WHERE i.ended_at IS NULL AND i.place IN ('recorder', 'deputy')", new: "WHERE i.ended_at IS NULL",
			pkg: "./agent/store", tests: "TestRU13AbsenceIsKept",
		},
		{
			name: "beside: another server's pages count", file: attending,
			old: "if err := s.agentStore.SawPages(ctx, news, now); err != nil {", new: "if err := s.agentStore.SawPages(ctx, news[:0], now); err != nil {",
			pkg: "./cmd/hotline", tests: "TestRU13PresenceComesFromTheSocket",
		},
		{
			name: "beside: who begins to look knows nothing of before", file: attending,
			old: "if !master || now.Sub(b.looked) >= looksApart {", new: "if false {",
			pkg: "./cmd/hotline", tests: "TestRU13WhatAProcessKnowsOfPages",
		},
		{
			name: "beside: one server judges", file: attending,
			old: "return b.since, master", new: "return b.since, true",
			pkg: "./cmd/hotline", tests: "TestRU13WhatAProcessKnowsOfPages",
		},
	}
}
