// Package httpapi is telephony's HTTP side: the call at a seat, the acts of its people, the supervisors' board and the list
// of callbacks. Every answer carries masked numbers only.
//
// It must not know Postgres, Redis or Asterisk: it reads through Reader, and commands go to the controller, which decides.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
	"hotline/telephony"
)

// Reader is what the pages read; the store.
type Reader interface {
	Desk(ctx context.Context, seat agent.SeatID) (telephony.Desk, error)
	OfferHolding(ctx context.Context, id telephony.OfferID) (telephony.Holding, error)
	CallHolding(ctx context.Context, id telephony.CallID) (telephony.Holding, error)
	Board(ctx context.Context, now time.Time) (telephony.Board, error)
	Callbacks(ctx context.Context, state string) ([]telephony.Task, error)
}

// Commands are what people may tell the controller.
type Commands interface {
	Decline(ctx context.Context, offer telephony.OfferID, actor, reason string) error
	Hangup(ctx context.Context, call telephony.CallID, by telephony.HungUp, actor string) error
	Hold(ctx context.Context, call telephony.CallID, e telephony.Held, actor string) error
	Mute(ctx context.Context, call telephony.CallID, e telephony.Muted, actor string) error
	FinishWrapUp(ctx context.Context, seat agent.SeatID, actor string) error
}

// Deps are what the handlers need.
type Deps struct {
	Reader   Reader
	Commands Commands
	Now      func() time.Time
	Log      *slog.Logger
}

type handlers struct{ Deps }

// Register adds telephony's operations to an API.
func Register(api huma.API, d Deps) {
	h := handlers{d}
	huma.Register(api, huma.Operation{
		OperationID: "seatCall", Method: http.MethodGet, Path: "/api/seats/{seat}/call", Tags: []string{"telephony"},
		Summary: "The call offered, engaged or in wrap-up at a seat, for its people and supervisors",
	}, h.seatCall)
	huma.Register(api, huma.Operation{
		OperationID: "declineOffer", Method: http.MethodPost, Path: "/api/offers/{offer}/decline", Tags: []string{"telephony"},
		Summary: "Refuse an open offer: the caller goes back to the head of the line", DefaultStatus: http.StatusNoContent,
	}, h.decline)
	huma.Register(api, huma.Operation{
		OperationID: "hangUpCall", Method: http.MethodPost, Path: "/api/calls/{call}/hangup", Tags: []string{"telephony"},
		Summary: "End one's part in a conversation; a supervisor who is not at its seat ends it for all", DefaultStatus: http.StatusNoContent,
	}, h.hangUp)
	huma.Register(api, huma.Operation{
		OperationID: "holdCall", Method: http.MethodPost, Path: "/api/calls/{call}/hold", Tags: []string{"telephony"},
		Summary: "Let the citizen hear music (保持), for the people of the seat that serves", DefaultStatus: http.StatusNoContent,
	}, h.hold)
	huma.Register(api, huma.Operation{
		OperationID: "resumeCall", Method: http.MethodPost, Path: "/api/calls/{call}/resume", Tags: []string{"telephony"},
		Summary: "Take the citizen back from hold (取回通话)", DefaultStatus: http.StatusNoContent,
	}, h.resume)
	huma.Register(api, huma.Operation{
		OperationID: "muteCall", Method: http.MethodPost, Path: "/api/calls/{call}/mute", Tags: []string{"telephony"},
		Summary: "Say whether the official at the seat is heard; kept through a reload of the page", DefaultStatus: http.StatusNoContent,
	}, h.mute)
	huma.Register(api, huma.Operation{
		OperationID: "nextCaller", Method: http.MethodPost, Path: "/api/seats/{seat}/next", Tags: []string{"telephony"},
		Summary: "End a seat's wrap-up (请接下一位)", DefaultStatus: http.StatusNoContent,
	}, h.next)
	huma.Register(api, huma.Operation{
		OperationID: "board", Method: http.MethodGet, Path: "/api/board", Tags: []string{"telephony"},
		Summary: "Lines with who waits, seats with what they do, and the counts of the session",
	}, h.board)
	huma.Register(api, huma.Operation{
		OperationID: "callbacks", Method: http.MethodGet, Path: "/api/callbacks", Tags: []string{"telephony"},
		Summary: "Callers whom nobody reached, oldest first",
	}, h.callbacks)
}

type seatInput struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" doc:"Short name of the seat" example:"A01"`
}

type seatCallOutput struct {
	Body struct {
		Position string      `json:"position" doc:"Place in the fact log from which to resume"`
		Call     Maybe[Card] `json:"call"`
	}
}

func (h handlers) seatCall(ctx context.Context, in *seatInput) (*seatCallOutput, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	desk, err := h.desk(ctx, who, agent.SeatID(in.Seat))
	if err != nil {
		return nil, err
	}
	out := &seatCallOutput{}
	out.Body.Position, out.Body.Call.Value = desk.Position, card(desk.Card)
	return out, nil
}

type declineInput struct {
	Offer string `path:"offer" format:"uuid"`
	Body  struct {
		Reason string `json:"reason" maxLength:"200" doc:"Why the person cannot take this caller; conflict: 需要回避, never asked for this call again"`
	}
}

// Resolve refuses a reason that no text column takes, or that would break a line of the log (RT2). What is no UTF-8 has
// become the replacement character by now.
func (in *declineInput) Resolve(huma.Context) []error {
	for _, r := range in.Body.Reason {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return []error{&huma.ErrorDetail{Location: "body.reason", Message: "must be one line of readable text, without control characters"}}
		}
	}
	return nil
}

func (h handlers) decline(ctx context.Context, in *declineInput) (*struct{}, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	held, err := h.Reader.OfferHolding(ctx, telephony.OfferID(in.Offer))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	if _, err := h.desk(ctx, who, held.Seat); err != nil {
		return nil, err
	}
	if !held.Open {
		return nil, h.problem(ctx, telephony.ErrOfferClosed)
	}
	return nil, h.problem(ctx, h.Commands.Decline(ctx, telephony.OfferID(in.Offer), who.Actor(), in.Body.Reason))
}

type hangUpInput struct {
	Call string `path:"call" format:"uuid"`
	Body struct {
		Version int64 `json:"version,omitempty" minimum:"1" doc:"Of the call as seen; a late click cannot end another state of it"`
	}
}

// hangUp names the seat whose part ends. The command compares the version: whoever compares it before the call's own turn
// compares with yesterday (RT12).
func (h handlers) hangUp(ctx context.Context, in *hangUpInput) (*struct{}, error) {
	who, seat, err := h.holder(ctx, in.Call)
	if err != nil {
		return nil, err
	}
	by := telephony.HungUp{Version: in.Body.Version}
	if sits(who, seat.desk) {
		by.Seat = seat.name
	} else if !who.Has(agent.RoleSupervisor) {
		return nil, notAtSeat(seat.name)
	}
	return nil, h.problem(ctx, h.Commands.Hangup(ctx, telephony.CallID(in.Call), by, who.Actor()))
}

type holdInput struct {
	Call string `path:"call" format:"uuid"`
	Body struct {
		Version int64 `json:"version,omitempty" minimum:"1" doc:"Of the call as seen; a late click does nothing to another state of it"`
	}
}

func (h handlers) hold(ctx context.Context, in *holdInput) (*struct{}, error) {
	return h.held(ctx, in, true)
}

func (h handlers) resume(ctx context.Context, in *holdInput) (*struct{}, error) {
	return h.held(ctx, in, false)
}

// held is for the official and the recorder of the seat: both see what it does.
func (h handlers) held(ctx context.Context, in *holdInput, on bool) (*struct{}, error) {
	who, seat, err := h.holder(ctx, in.Call)
	if err != nil {
		return nil, err
	}
	if !sits(who, seat.desk) {
		return nil, notAtSeat(seat.name)
	}
	e := telephony.Held{Seat: seat.name, On: on, Version: in.Body.Version}
	return nil, h.problem(ctx, h.Commands.Hold(ctx, telephony.CallID(in.Call), e, who.Actor()))
}

type muteInput struct {
	Call string `path:"call" format:"uuid"`
	Body struct {
		Muted bool `json:"muted" doc:"True: what the official says is heard by nobody"`
	}
}

// mute is the speaker's own: nobody silences an official, and nobody opens a microphone that is not theirs.
func (h handlers) mute(ctx context.Context, in *muteInput) (*struct{}, error) {
	who, seat, err := h.holder(ctx, in.Call)
	if err != nil {
		return nil, err
	}
	if who.Person == "" || who.Person != seat.desk.Person {
		return nil, problem(http.StatusForbidden, "not_allowed", "only who speaks at the seat may mute and unmute it")
	}
	e := telephony.Muted{Seat: seat.name, On: in.Body.Muted}
	return nil, h.problem(ctx, h.Commands.Mute(ctx, telephony.CallID(in.Call), e, who.Actor()))
}

// holder is who asks, and the seat that holds a call with its people; no seat: an empty one, where nobody sits.
func (h handlers) holder(ctx context.Context, call string) (agent.Identity, seatDesk, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return who, seatDesk{}, err
	}
	held, err := h.Reader.CallHolding(ctx, telephony.CallID(call))
	if err != nil || held.Seat == "" {
		return who, seatDesk{}, h.problem(ctx, err)
	}
	d, err := h.Reader.Desk(ctx, held.Seat)
	return who, seatDesk{held.Seat, d}, h.problem(ctx, err)
}

type seatDesk struct {
	name agent.SeatID
	desk telephony.Desk
}

type nextInput struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" doc:"Short name of the seat" example:"A01"`
	Body struct{}
}

func (h handlers) next(ctx context.Context, in *nextInput) (*struct{}, error) {
	who, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := h.desk(ctx, who, agent.SeatID(in.Seat)); err != nil {
		return nil, err
	}
	return nil, h.problem(ctx, h.Commands.FinishWrapUp(ctx, agent.SeatID(in.Seat), who.Actor()))
}

type boardOutput struct{ Body Board }

func (h handlers) board(ctx context.Context, _ *struct{}) (*boardOutput, error) {
	if err := may(ctx, agent.ActReadBoard); err != nil {
		return nil, err
	}
	now := h.Now()
	b, err := h.Reader.Board(ctx, now)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &boardOutput{Body: board(b, now)}, nil
}

type callbacksInput struct {
	State string `query:"state" enum:"open,done,given_up" default:"open"`
}

type callbacksOutput struct {
	Body struct {
		Callbacks []Callback `json:"callbacks"`
	}
}

func (h handlers) callbacks(ctx context.Context, in *callbacksInput) (*callbacksOutput, error) {
	if err := may(ctx, agent.ActCallBack); err != nil {
		return nil, err
	}
	tasks, err := h.Reader.Callbacks(ctx, in.State)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := &callbacksOutput{}
	out.Body.Callbacks = callbacks(tasks)
	return out, nil
}

// desk reads a seat if the person may: its official, its recorder, or a supervisor.
func (h handlers) desk(ctx context.Context, who agent.Identity, seat agent.SeatID) (telephony.Desk, error) {
	d, err := h.Reader.Desk(ctx, seat)
	if err != nil {
		return d, h.problem(ctx, err)
	}
	if who.Has(agent.RoleSupervisor) || sits(who, d) {
		return d, nil
	}
	return d, problem(http.StatusForbidden, "not_allowed", "only the people of seat "+string(seat)+" and supervisors may do this")
}

// sits says that somebody is the official or the recorder of a seat.
func sits(who agent.Identity, d telephony.Desk) bool {
	return who.Person != "" && (who.Person == d.Person || who.Person == d.Recorder)
}

func notAtSeat(seat agent.SeatID) error {
	if seat == "" {
		return problem(http.StatusForbidden, "not_allowed", "no seat holds the call")
	}
	return problem(http.StatusForbidden, "not_allowed", "only the people of seat "+string(seat)+" may do this")
}

func signedIn(ctx context.Context) (agent.Identity, error) {
	who, ok := agent.FromContext(ctx)
	if !ok {
		return who, problem(http.StatusUnauthorized, "login.required", "sign in first")
	}
	return who, nil
}

func may(ctx context.Context, a agent.Action) error {
	who, err := signedIn(ctx)
	if err != nil {
		return err
	}
	if !who.May(a) {
		return problem(http.StatusForbidden, "not_allowed", "your roles do not allow "+string(a))
	}
	return nil
}

// problem is the one table from errors to problems. What it does not know is logged and not told.
func (h handlers) problem(ctx context.Context, err error) error {
	var known huma.StatusError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, telephony.ErrNotFound):
		return problem(http.StatusNotFound, "not_found", "no such seat, call or offer")
	case errors.Is(err, telephony.ErrOfferClosed):
		return problem(http.StatusConflict, "offer.closed", "the offer is answered, withdrawn or over")
	case errors.Is(err, telephony.ErrNotInCall):
		return problem(http.StatusConflict, "call.not_in_conversation", "nobody speaks with the caller now")
	case errors.Is(err, telephony.ErrStale):
		return problem(http.StatusConflict, "version.stale", "the call has changed since; read it again")
	case errors.Is(err, telephony.ErrNoDecision), errors.Is(err, telephony.ErrNotMaster):
		return problem(http.StatusServiceUnavailable, "hold_only", "call control is waiting for its database; conversations go on")
	}
	h.Log.ErrorContext(ctx, "telephony request", "err", err)
	return problem(http.StatusInternalServerError, "internal", "the server could not do this; its log says why")
}

func problem(status int, code, detail string) error {
	return &huma.ErrorModel{Type: "urn:hotline:" + code, Title: http.StatusText(status), Status: status, Detail: detail}
}
