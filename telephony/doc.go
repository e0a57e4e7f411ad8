// Package telephony owns citizens' calls: how one arrives, waits, is offered to a seat, talks and ends. It is pure: no
// goroutine, no lock, no clock, no socket. Package control runs it.
//
// # How a call is told
//
// A call is a set of participants (participant.go): the citizen and those of ours who take part. Each has a role, a leg, a
// state and the room in which it is wanted. The phase (call.go) says how far the call has come; what people see, 保持 or
// 恢复中, is derived from both by Call.Word and stored nowhere.
//
//   - Apply(call, event, now) says what is wanted from now on, and what must be stored for it (records.go).
//   - Plan(call, seen, now) compares that with what the exchange shows (Seen, exchange.go) and says what to do: orders, each an
//     act with its lane and with those that must come before it. It runs after every event, and with a snapshot in every
//     comparison with the exchange: one way to be right.
//   - An act that is under way is not planned again before its answer (ActEnded) or its deadline; its effect is seen by events
//     (LegEntered, LegUp), never by its answer alone.
//   - Deadlines stand in the call (Participant.Deadline, Offer.ExpiresAt, Cue.Until): Call.Due says when to look, and
//     TimePassed looks. They are stored, so a restart does not begin them anew.
//   - An Offer is a lease of one seat for one call, open until it is accepted or comes to nothing. A Segment is the time in
//     which one seat serves: it owns the wrap-up and says whose the ticket is. Ending a segment, a call and a wrap-up are three
//     things.
//   - Who drops out of a call when, and what follows for the others, is a table (drops.go).
//   - Line (line.go) is the rule of who is served next and where.
//
// # How to add an act
//
// Say, park: the official puts the citizen into a room of its own and goes on to the next one. Hold is the example to follow:
//
//  1. The event: add Parked{Seat, On, Version} to events.go, to the switches of step.apply and Refuse (apply.go): who may, and
//     what is too late. The compiler and the linter name every switch that must know it.
//  2. What is wanted: a method beside step.held (serving.go) that changes the Want of a participant by step.put, and tells a
//     fact by step.tellPart. Nothing else: no timer, no bridge, no message.
//  3. The room, if it is a new one: a constant in participant.go, its bridge in planner.move (plan.go), its value in the CHECK
//     of participant.want (a migration).
//  4. The word that people see: Call.servingWord (words.go). The situation, if somebody can drop out of it otherwise than out of
//     the known ones: a row of the table (drops.go), whose golden file shows what becomes of everybody.
//  5. A story: testdata/parked.txt with what happens; `go test ./telephony -update` writes what follows; read it as a reviewer
//     would. The laws of apply_test.go draw the new event as soon as it stands in walk.draw.
//  6. The door: a method like Controller.Hold (package control), an operation in httpapi, a button with its key in the panel.
//
// Everything else follows: the commit, the order of commands, retry, crash, take-over and comparison are the same for every act.
//
// The package must not know SQL, Redis, HTTP or ARI: those live one folder below and use its types. It knows no ticket: facts
// come up the log.
package telephony
