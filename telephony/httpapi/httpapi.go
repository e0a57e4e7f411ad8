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
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/policy"
	"hotline/agent/problem"
	"hotline/telephony"
)

// Reader is what the pages read; the store.
type Reader interface {
	Desk(ctx context.Context, seat agent.SeatID) (telephony.Desk, error)
	SeatPeople(ctx context.Context, seat agent.SeatID) (telephony.Desk, error) // without a card: what a command asks before it is told
	OfferHolding(ctx context.Context, id telephony.OfferID) (telephony.Holding, error)
	CallHolding(ctx context.Context, id telephony.CallID) (telephony.Holding, error)
	Board(ctx context.Context, now time.Time) (telephony.Board, error)
	Callbacks(ctx context.Context, reach policy.Reach, state string) ([]telephony.Task, error)
	CloseCallback(ctx context.Context, t telephony.TaskClosed) error
}

// Commands are what people may tell the controller.
type Commands interface {
	Decline(ctx context.Context, offer telephony.OfferID, actor, reason string) error
	Hangup(ctx context.Context, call telephony.CallID, by telephony.HungUp, actor string) error
	Hold(ctx context.Context, call telephony.CallID, e telephony.Held, actor string) error
	Mute(ctx context.Context, call telephony.CallID, e telephony.Muted, actor string) error
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
	door.Register(api, huma.Operation{
		OperationID: "seat-call", Method: http.MethodGet, Path: "/api/v1/seats/{seat}/call", Tags: []string{"telephony"},
		Summary: "The call offered, engaged or in wrap-up at a seat, for its people and supervisors",
	}, door.Each(policy.ReadDesk), h.seatCall)
	door.Register(api, huma.Operation{
		OperationID: "decline-offer", Method: http.MethodPost, Path: "/api/v1/offers/{offer}/decline", Tags: []string{"telephony"},
		Summary: "Refuse an open offer: the caller goes back to the head of the line", DefaultStatus: http.StatusNoContent,
	}, door.Each(policy.DeclineOffer), h.decline)
	door.Register(api, huma.Operation{
		OperationID: "hang-up-call", Method: http.MethodPost, Path: "/api/v1/calls/{call}/hangup", Tags: []string{"telephony"},
		Summary: "End one's part in a conversation; a supervisor who is not at its seat ends it for all", DefaultStatus: http.StatusNoContent,
	}, door.Each(policy.HangUp), h.hangUp)
	door.Register(api, huma.Operation{
		OperationID: "hold-call", Method: http.MethodPost, Path: "/api/v1/calls/{call}/hold", Tags: []string{"telephony"},
		Summary: "Let the citizen hear music (保持), for the people of the seat that serves", DefaultStatus: http.StatusNoContent,
	}, door.Each(policy.HoldCall), h.hold)
	door.Register(api, huma.Operation{
		OperationID: "resume-call", Method: http.MethodPost, Path: "/api/v1/calls/{call}/resume", Tags: []string{"telephony"},
		Summary: "Take the citizen back from hold (取回通话)", DefaultStatus: http.StatusNoContent,
	}, door.Each(policy.HoldCall), h.resume)
	door.Register(api, huma.Operation{
		OperationID: "mute-call", Method: http.MethodPost, Path: "/api/v1/calls/{call}/mute", Tags: []string{"telephony"},
		Summary: "Say whether the official at the seat is heard; kept through a reload of the page", DefaultStatus: http.StatusNoContent,
	}, door.Each(policy.MuteCall), h.mute)
	door.Register(api, huma.Operation{
		OperationID: "board", Method: http.MethodGet, Path: "/api/v1/board", Tags: []string{"telephony"},
		Summary: "Lines with who waits, seats with what they do, and the counts of the session",
	}, door.Whole(policy.ReadBoard), h.board)
	door.Register(api, huma.Operation{
		OperationID: "callbacks", Method: http.MethodGet, Path: "/api/v1/callbacks", Tags: []string{"telephony"},
		Summary: "Callers whom nobody reached, oldest first",
	}, door.Each(policy.ReadCallbacks).Kept(door.Often), h.callbacks)
	door.Register(api, huma.Operation{
		OperationID: "close-callback", Method: http.MethodPost, Path: "/api/v1/callbacks/{callback}/close", Tags: []string{"telephony"},
		Summary: "Say that such a caller was called back, or cannot be reached", DefaultStatus: http.StatusNoContent,
	}, door.Whole(policy.EndCallback), h.closeCallback)
}

type seatInput struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" doc:"Short name of the seat" example:"A01"`
}

type seatCallOutput struct {
	Body struct {
		Position string `json:"position" example:"7301-88" doc:"Place in the fact log from which to resume"`
		Call     *Card  `json:"call"`
	}
}

func (h handlers) seatCall(ctx context.Context, in *seatInput) (*seatCallOutput, error) {
	desk, err := h.Reader.Desk(ctx, agent.SeatID(in.Seat))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	if err := allowed(ctx, policy.ReadDesk, agent.SeatID(in.Seat), desk); err != nil {
		return nil, err
	}
	out := &seatCallOutput{}
	out.Body.Position, out.Body.Call = desk.Position, card(desk.Card)
	return out, nil
}

type declineInput struct {
	Offer string `path:"offer" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Body  struct {
		Reason string `json:"reason" maxLength:"200" example:"现场处理" doc:"Why the person cannot take this caller; conflict: 需要回避, never asked for this call again"`
	}
}

// Resolve refuses a reason that no text column takes, or that would break a line of the log (RT2).
func (in *declineInput) Resolve(huma.Context) []error { return oneLine("body.reason", in.Body.Reason) }

// oneLine is what is wrong with a text of one line. What is no UTF-8 has become the replacement character by now.
func oneLine(location, text string) []error {
	for _, r := range text {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return []error{&huma.ErrorDetail{Location: location, Message: "must be one line of readable text, without control characters"}}
		}
	}
	return nil
}

func (h handlers) decline(ctx context.Context, in *declineInput) (*struct{}, error) {
	held, err := h.Reader.OfferHolding(ctx, telephony.OfferID(in.Offer))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	if err := h.may(ctx, policy.DeclineOffer, held.Seat); err != nil {
		return nil, err
	}
	return nil, h.refused(ctx, held.Seat, h.Commands.Decline(ctx, telephony.OfferID(in.Offer), door.Who(ctx).Actor(), in.Body.Reason))
}

type hangUpInput struct {
	Call string `path:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Body struct {
		Version int64 `json:"version" minimum:"1" example:"3" doc:"Of the call as seen; a late click cannot end another state of it"`
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
	own := seat.desk.Sits(who)
	if !who.Can(policy.HangUp, policy.Resource{Own: own}) {
		return nil, notTheirs(seat.name)
	}
	if own {
		by.Seat = seat.name
	}
	return nil, h.refused(ctx, seat.name, h.Commands.Hangup(ctx, telephony.CallID(in.Call), by, who.Actor()))
}

type holdInput struct {
	Call string `path:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Body struct {
		Version int64 `json:"version" minimum:"1" example:"3" doc:"Of the call as seen; a late click does nothing to another state of it"`
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
	if !who.Can(policy.HoldCall, policy.Resource{Own: seat.desk.Sits(who)}) {
		return nil, notTheirs(seat.name)
	}
	e := telephony.Held{Seat: seat.name, On: on, Version: in.Body.Version}
	return nil, h.refused(ctx, seat.name, h.Commands.Hold(ctx, telephony.CallID(in.Call), e, who.Actor()))
}

type muteInput struct {
	Call string `path:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Body struct {
		Muted   bool  `json:"muted" example:"true" doc:"True: what the official says is heard by nobody"`
		Version int64 `json:"version" minimum:"1" example:"3" doc:"Of the call as seen; a late click opens no microphone that was shut since"`
	}
}

// mute is the speaker's own: nobody silences an official, and nobody opens a microphone that is not theirs.
func (h handlers) mute(ctx context.Context, in *muteInput) (*struct{}, error) {
	who, seat, err := h.holder(ctx, in.Call)
	if err != nil {
		return nil, err
	}
	if !who.Can(policy.MuteCall, policy.Resource{Own: who.Is(seat.desk.Person)}) {
		return nil, notSpeaking(seat.name)
	}
	e := telephony.Muted{Seat: seat.name, On: in.Body.Muted, Version: in.Body.Version}
	return nil, h.refused(ctx, seat.name, h.Commands.Mute(ctx, telephony.CallID(in.Call), e, who.Actor()))
}

// holder is who asks, and the seat that holds a call with its people; no seat: an empty one, where nobody sits.
func (h handlers) holder(ctx context.Context, call string) (agent.Identity, seatDesk, error) {
	who := door.Who(ctx)
	held, err := h.Reader.CallHolding(ctx, telephony.CallID(call))
	if err != nil || held.Seat == "" {
		return who, seatDesk{}, h.problem(ctx, err)
	}
	d, err := h.Reader.SeatPeople(ctx, held.Seat)
	return who, seatDesk{held.Seat, d}, h.problem(ctx, err)
}

type seatDesk struct {
	name agent.SeatID
	desk telephony.Desk
}

type boardOutput struct{ Body Board }

func (h handlers) board(ctx context.Context, _ *struct{}) (*boardOutput, error) {
	now := h.Now()
	b, err := h.Reader.Board(ctx, now)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &boardOutput{Body: board(b, now)}, nil
}

type callbacksInput struct {
	State string `query:"state" enum:"open,done,given_up" default:"open" example:"open"`
}

type callbacksOutput struct {
	Body struct {
		Callbacks []Callback `json:"callbacks"`
	}
}

func (h handlers) callbacks(ctx context.Context, in *callbacksInput) (*callbacksOutput, error) {
	tasks, err := h.Reader.Callbacks(ctx, door.Who(ctx).Reach(policy.ReadCallbacks), in.State)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := &callbacksOutput{}
	out.Body.Callbacks = callbacks(tasks)
	return out, nil
}

type closeInput struct {
	Callback string `path:"callback" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Body     struct {
		State string `json:"state" enum:"done,given_up" example:"done" doc:"done: the citizen was spoken with; given_up: they cannot be reached"`
		Note  string `json:"note,omitempty" maxLength:"200" example:"三次无人接听" doc:"Why it is given up"`
	}
}

// Resolve : see declineInput. Whoever gives somebody up says why.
func (in *closeInput) Resolve(huma.Context) []error {
	errs := oneLine("body.note", in.Body.Note)
	if in.Body.State == string(telephony.TaskGivenUp) && strings.TrimSpace(in.Body.Note) == "" {
		errs = append(errs, &huma.ErrorDetail{Location: "body.note", Message: "say why they are given up"})
	}
	return errs
}

func (h handlers) closeCallback(ctx context.Context, in *closeInput) (*struct{}, error) {
	err := h.Reader.CloseCallback(ctx, telephony.TaskClosed{
		ID: in.Callback, State: telephony.TaskState(in.Body.State), Note: strings.TrimSpace(in.Body.Note), Actor: door.Who(ctx).Actor(), At: h.Now(),
	})
	if errors.Is(err, telephony.ErrNotFound) {
		return nil, problem.New(http.StatusNotFound, "not_found").Because("callback")
	}
	return nil, h.problem(ctx, err)
}

// may says whether the person may do something at a seat.
func (h handlers) may(ctx context.Context, a policy.Action, seat agent.SeatID) error {
	d, err := h.Reader.SeatPeople(ctx, seat)
	if err != nil {
		return h.problem(ctx, err)
	}
	return allowed(ctx, a, seat, d)
}

// allowed are the people of a seat, and whose right goes beyond their own seat.
func allowed(ctx context.Context, a policy.Action, seat agent.SeatID, d telephony.Desk) error {
	if who := door.Who(ctx); !who.Can(a, policy.Resource{Own: d.Sits(who)}) {
		return notTheirs(seat)
	}
	return nil
}

// refused is problem, but of a command that its call has overtaken: then the answer says what is at the seat now.
func (h handlers) refused(ctx context.Context, seat agent.SeatID, err error) error {
	var code string
	switch {
	case errors.Is(err, telephony.ErrStale):
		code = "version.stale"
	case errors.Is(err, telephony.ErrNotInCall):
		code = "call.not_in_conversation"
	case errors.Is(err, telephony.ErrOfferClosed):
		code = "offer.closed"
	default:
		return h.problem(ctx, err)
	}
	var desk telephony.Desk
	if seat != "" {
		if desk, err = h.Reader.Desk(ctx, seat); err != nil {
			return h.problem(ctx, err)
		}
	}
	return door.Moved(code, card(desk.Card))
}

// notTheirs refuses what is for the people of a seat; empty: none has the call.
func notTheirs(seat agent.SeatID) *problem.Problem {
	if seat == "" {
		return problem.New(http.StatusForbidden, "not_allowed").Because("no_seat")
	}
	return problem.New(http.StatusForbidden, "not_allowed", "seat="+string(seat)).Because("seat")
}

func notSpeaking(seat agent.SeatID) *problem.Problem {
	if seat == "" {
		return notTheirs(seat)
	}
	return problem.New(http.StatusForbidden, "not_allowed", "seat="+string(seat)).Because("speaker")
}

// problem is the one table from errors to problems. What it does not know is logged and not told.
func (h handlers) problem(ctx context.Context, err error) error {
	if p := door.Command(err); p != nil {
		return p
	}
	var known huma.StatusError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, telephony.ErrTaskClosed):
		return problem.New(http.StatusConflict, "callback.closed")
	case errors.Is(err, telephony.ErrNotFound):
		return problem.New(http.StatusNotFound, "not_found").Because("call")
	case errors.Is(err, telephony.ErrNoDecision), errors.Is(err, telephony.ErrNotMaster):
		return problem.New(http.StatusServiceUnavailable, "hold_only")
	}
	h.Log.ErrorContext(ctx, "telephony request", "err", err)
	return problem.New(http.StatusInternalServerError, "internal")
}
