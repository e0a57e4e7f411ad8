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
//     act with its lane and with those that must come before it. It runs after every event. The snapshot of a comparison with
//     the exchange is an event too (Looked): one way to be right.
//   - An act that is under way is not planned again before its answer (ActEnded) and the pause that follows. Moves and ends of
//     legs (Hold, Join, Hangup) are seen by events; the rest is assumed when ordered, or believed by its answer, and taken back
//     when it failed (begin, actDone, undo).
//   - Deadlines stand in the call: Call.Due says when to look, and TimePassed looks. Those of offers and of who has taken part
//     are stored, so a restart does not begin them anew; an announcement begins again.
//   - An Offer is a lease of one seat for one call, open until it is accepted or comes to nothing. A Segment is the time in
//     which one seat serves: it owns the wrap-up and says whose the ticket is. Ending a segment, a call and a wrap-up are three
//     things.
//   - Who of ours drops out of a call when, and what follows for the others, is a table (drops.go). A citizen who leaves ends
//     the call, and leftFrom names the outcome (ending.go).
//   - Line (line.go) is the rule of who is served next and where.
//
// # How to add an act
//
// Say, park: the official leaves the citizen in a numbered slot, and another seat takes over. Hold and Muted are the examples
// for an act in which the same seat goes on serving; what lets go of the seat, or asks another one, has steps of its own below.
//
//  1. The event: add Parked{Seat, On, Version} to events.go, to the switches of step.apply and Refuse (apply.go): which seat
//     may, and what is too late (the person's right is the door's, step 7). Compiler and linter name the switches over Event.
//  2. What is wanted: a method beside step.held (serving.go) that changes Want and Since of a participant by step.put, ends a
//     running announcement by step.stopCue, and tells a fact by step.tellPart. No timer, no bridge, no message.
//  3. The room, if it is a new one: a constant in participant.go, its value in the CHECK of participant.want (a migration), its
//     bridge in switch.go and planner.move (plan.go, with a key of its own), and who deletes that bridge: planner.dismiss and
//     control's dropStrays. No tool names the comparisons with a room: grep RoomHold, and decide for each.
//  4. The word that people see: a Word, a case of Call.servingWord (words.go) and of Call.Situation. The situation, if somebody
//     can drop out of it otherwise than out of the known ones: a row of drops.go and of the builder in drops_test.go, whose
//     golden file shows what becomes of everybody.
//  5. What is new to store: columns in a migration, store/queries.sql and store/rows.go in both directions, `make generate`. A
//     new Record also stands in Gather (records.go) and in store/ledger.go.
//  6. A story: its words in eventNamed (transcript_test.go), testdata/parked.txt with what happens; `go test ./telephony
//     -update` writes what follows (and is red that once); read it as a reviewer would. The laws of apply_test.go draw the new
//     event as soon as it stands in walk.draw, and a new bridge as soon as it stands in its list.
//  7. The door: a method like Controller.Hold (package control, with its story in verbs_test.go), an operation and the word in
//     httpapi, `make generate`; in the panel api/calls.ts, seat/desk.ts and seat/news.ts (the fact), seat/wording.ts, both
//     locales, a button with its key in call/, board/moved.ts if the line gets longer or shorter, and a story in e2e/.
//
// An act that lets go of the seat ends its segment as well (step.endSegment, as toHead does), and needs a phase that
// Call.InLine does not take for waiting, or the line offers the citizen at once. An act that asks another seat makes an Offer
// of a kind of its own (participant.go, its CHECK, giveUp, store/rows.go; step.offered takes none but OfferLine today): a
// command that reads the seat and posts Offered, as actor.takeOffer does, while the desk keeps that seat back. A new verb of
// the exchange is an Act (plan.go) with its five switches in exchange.go; package control says the rest.
//
// Everything else follows: the commit, the order of commands, retry, crash, take-over and comparison are the same for every act.
//
// The package must not know SQL, Redis, HTTP or ARI: those live one folder below and use its types. It knows no ticket: facts
// come up the log.
package telephony
