// Package control runs the calls of one exchange: it is the only impure room of telephony's core. What is right, telephony
// says; here it is done, in order, for many calls at once.
//
//   - Controller (controller.go) routes the exchange's signals (signals.go) to the calls and takes people's commands.
//   - An actor (actor.go) is the one goroutine of a call. Its mailbox (mailbox.go) is emptied before a deadline is looked at. The
//     order of every step is the same: decide (telephony.Apply), commit (commit.go), follow (desks), plan and give orders
//     (telephony.Plan), then tell the desks of the seats that were let go. It waits for its own commit and for nothing else: a
//     step that can not be stored, or panics, costs that step, or that call, and no other.
//   - A match (match.go) is a seat and a caller; the caller's actor makes an offer of it. When a seat's last call or wrap-up is
//     just ending, both are one commit: the ending step is handed to the next caller's actor, which stores the two (RH2). Who ends
//     waits 20 ms for that to begin and else stores alone. A caller who comes while a seat is idle is offered in the same step.
//   - Lanes (lanes.go) carry the orders out off the actor, one after the other per leg and bridge, and bring the answers back.
//   - A desk (desk.go, deskseats.go, desks.go) has one line's callers and seats and makes pairs by telephony.Line. The queue in
//     Redis takes the same pair by the same rule in one trip beside the commit, and hears of changes with it; what it says is
//     compared, and it is filled anew when it differs or was away (queue.go, F10). The ledger's guards have the last word: a wrong
//     pair is a refused offer, never a double one.
//   - The seat clock (seats.go) ends wrap-ups and rests.
//   - The reconciler (reconcile.go, view.go) compares ledger and exchange at each connection and every ten seconds: it adopts
//     calls, lets each call look at itself, and sends away what is ours and belongs to nothing (R2, RT6). Nothing is offered
//     before the first comparison is done and the adopted calls have settled (A17).
//   - The outage (outage.go, replay.go) keeps arrivals and ends of legs while the ledger is away: in the journal, answered and held
//     with words, stored once and in order when it is back, or by the next controller before it compares anything (R7, F13). What
//     the dialplan's net has kept meanwhile is recorded with each comparison (backfill.go, R1).
//
// What must hold: an intent is committed before its effect (R5); decisions need the lease, clean-up does not (R4); whoever has
// no actor has no owner, and the reconciler finds one; every channel has a bound, and every full one an answer.
//
// A new act needs a command of the Controller here, and nothing else, unless it brings a new verb of the exchange (Switch in
// ports.go, Controller.do, package ari and its strict double aritest), asks another seat (Offered is posted by whoever read the
// seat: actor.go, desk.go), or brings a new kind of bridge (view.go, and reconcile.go's holdBridges and dropStrays): see "How to
// add an act" in package telephony.
//
// It must not know SQL, Redis or ARI: it declares what it needs (ports.go), and cmd wires.
package control
