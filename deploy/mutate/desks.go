package main

// desks are those of who works on tickets and callbacks beside a call (RU7, RU18).
func desks() []guard {
	const service, callback = "ticketing/service.go", "telephony/store/callback.go"
	return []guard{
		{
			name: "a draft is the call's people's while the citizen is on the line", file: service,
			old: "case !access.Write(t):", new: "case false:",
			pkg: "./ticketing/httpapi", tests: "TestLiveDraftsAreTheCallsPeoples",
		},
		{
			name: "so are further appeals", file: service,
			old: "if !(Access{who}).Write(Ticket{State: StateDraft, Origin: o}) {", new: "if false {",
			pkg: "./ticketing/httpapi", tests: "TestLiveDraftsAreTheCallsPeoples",
		},
		{
			name: "a callback is closed once", file: "telephony/store/db/queries.sql.go",
			old: "closed_at = $2 WHERE id = $3 AND state = 'open' RETURNING call", new: "closed_at = $2 WHERE id = $3 RETURNING call",
			pkg: "./telephony/httpapi", tests: "TestCallbackIsClosedOnce",
		},
		{
			name: "who repeats that is not told of somebody else", file: callback,
			old: "if err := command.Begin(ctx, tx, \"\"); err != nil {", new: "if err := error(nil); err != nil {",
			pkg: "./telephony/httpapi", tests: "TestCallbackIsClosedOnce",
		},
	}
}
