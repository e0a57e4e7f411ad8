package httpapi

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/policy"
)

// SeatPath names a seat; huma binds embedded parameters of exported types only.
type SeatPath struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" example:"A01" doc:"Name of the seat, A01"`
}

type seatList struct {
	Position string `json:"position" example:"7301-88" doc:"Place in the fact log from which to follow"`
	Seats    []Seat `json:"seats"`
	Assigned []Spot `json:"assigned" doc:"Where the asker may sit now"`
}

// Spot is a place at a seat, as take-seat takes it.
type Spot struct {
	Seat  string `json:"seat" example:"A01"`
	Place string `json:"place" enum:"official,recorder,deputy,room,supervisor" example:"official"`
}

func (h *handler) seats(ctx context.Context, _ *struct{}) (*body[seatList], error) {
	position, err := h.Position(ctx) // before the read: a resume then repeats rather than skips
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	views, err := h.Hall.SeatViews(ctx)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	places, err := h.Hall.PlacesOf(ctx, door.Who(ctx).Person)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := seatList{Position: position, Seats: []Seat{}, Assigned: make([]Spot, len(places))}
	for _, v := range views {
		if sees(door.Who(ctx), v, places) {
			out.Seats = append(out.Seats, seatOf(v))
		}
	}
	for i, p := range places {
		if p.Place == agent.PlaceOperator {
			p.Place = agent.PlaceOfficial // the answering place at an operator's seat
		}
		out.Assigned[i] = Spot{Seat: string(p.Seat), Place: string(p.Place)}
	}
	return &body[seatList]{out}, nil
}

// sees says that somebody may look at a seat: whose right it is, who sits there, and to whom it is assigned.
func sees(who agent.Identity, v agent.SeatView, assigned []agent.Sitting) bool {
	own := v.Sits(who.Person) || slices.ContainsFunc(assigned, func(s agent.Sitting) bool { return s.Seat == v.Seat })
	return who.Can(policy.ReadSeats, policy.Resource{Own: own})
}

func (h *handler) seat(ctx context.Context, in *SeatPath) (*body[Seat], error) {
	v, err := h.visible(ctx, agent.SeatID(in.Seat))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Seat]{seatOf(v)}, nil
}

// visible is a seat that the asker may look at. agent.ErrNotFound, agent.ErrNotAllowed.
func (h *handler) visible(ctx context.Context, seat agent.SeatID) (agent.SeatView, error) {
	v, err := h.Hall.SeatView(ctx, seat)
	if err != nil {
		return v, err
	}
	places, err := h.Hall.PlacesOf(ctx, door.Who(ctx).Person)
	if err == nil && !sees(door.Who(ctx), v, places) {
		err = agent.ErrNotAllowed
	}
	return v, err
}

// seatNow answers a command with the seat as it is after it.
func (h *handler) seatNow(ctx context.Context, seat agent.SeatID) (*body[Seat], error) {
	v, err := h.Hall.SeatView(ctx, seat)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Seat]{seatOf(v)}, nil
}

type takeRequest struct {
	SeatPath

	Body struct {
		Place    string `json:"place" enum:"official,recorder,deputy,room,supervisor" example:"official" doc:"official: who answers, at an operator's seat too"`
		TakeOver bool   `json:"take_over,omitempty" example:"false" doc:"Also from the same person's other page"`
	}
}

func (h *handler) take(ctx context.Context, in *takeRequest) (*body[Seat], error) {
	seat := agent.SeatID(in.Seat)
	if _, err := h.Service.Take(ctx, door.Who(ctx), seat, agent.Place(in.Body.Place), in.Body.TakeOver); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

type leaveRequest struct {
	SeatPath

	Body struct {
		Place  string `json:"place" enum:"official,recorder,deputy,room,supervisor" example:"official"`
		Reason string `json:"reason,omitempty" maxLength:"200" example:"现场处理" doc:"Of a supervisor who signs somebody else out"`
	}
}

// leave has no effect on a place that is free already, and shows the seat all the same: only to who may look at it.
func (h *handler) leave(ctx context.Context, in *leaveRequest) (*body[Seat], error) {
	seat := agent.SeatID(in.Seat)
	if _, err := h.visible(ctx, seat); err != nil {
		return nil, h.problem(ctx, err)
	}
	if _, err := h.Service.SignOut(ctx, door.Who(ctx), seat, agent.Place(in.Body.Place), in.Body.Reason); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

// PhoneAccount is what a softphone registers with.
type PhoneAccount struct {
	Endpoint string `json:"endpoint" example:"A01-3f2a"`
	URI      string `json:"uri" example:"sip:A01-3f2a@hotline"`
	HA1      string `json:"ha1" example:"5f4dcc3b5aa765d61d8327deb882cf99" doc:"Digest of name, realm and secret; empty for a sip phone"`
	Realm    string `json:"realm" example:"hotline"`
	Path     string `json:"path" example:"/sip" doc:"Of the signalling socket on this server"`
	ExpiresS int    `json:"expires_s" example:"120" doc:"How long a registration lasts"`
}

type phoneRequest struct {
	SeatPath

	Body struct {
		Client  string `json:"client" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$" example:"page-1" doc:"Name that the page has given itself"`
		Phone   string `json:"phone" enum:"browser,sip" example:"browser"`
		Contact string `json:"contact,omitempty" example:"sip:A01@127.0.0.3:5070" doc:"sip:name@address:port of a sip phone"`
		Place   string `json:"place,omitempty" enum:"official,recorder,deputy,room,supervisor" default:"official" example:"official" doc:"Where the asker sits; calls are offered to the official's alone"`
	}
}

func (h *handler) phone(ctx context.Context, in *phoneRequest) (*body[PhoneAccount], error) {
	phone := agent.Phone(in.Body.Phone)
	if err := h.checkPhone(agent.SeatID(in.Seat), phone, in.Body.Contact); err != nil {
		return nil, h.problem(ctx, err)
	}
	acc, err := h.connect(ctx, in, phone)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	const path, lasts = "/sip", 120
	return &body[PhoneAccount]{PhoneAccount{
		Endpoint: acc.Endpoint, URI: "sip:" + acc.Endpoint + "@" + acc.Realm, HA1: acc.HA1, Realm: acc.Realm, Path: path, ExpiresS: lasts,
	}}, nil
}

func (h *handler) connect(ctx context.Context, in *phoneRequest, phone agent.Phone) (agent.Account, error) {
	at := agent.Sitting{Seat: agent.SeatID(in.Seat), Place: agent.Place(in.Body.Place)}
	switch {
	case at.Place == agent.PlaceOfficial:
		return h.Service.Phone(ctx, door.Who(ctx), at.Seat, in.Body.Client, phone, in.Body.Contact)
	case phone != agent.PhoneBrowser:
		return agent.Account{}, &agent.FieldError{Field: "phone", Mend: "a place beside has a browser's telephone"}
	}
	return h.Service.PhoneBeside(ctx, door.Who(ctx), at, in.Body.Client)
}

// checkPhone lets a sip phone in only where the server allows it, and only under the seat's own name at an address of the networks that
// telephones of seats have: the contact goes into the exchange's configuration, and whatever stands there is dialled (RS12).
func (h *handler) checkPhone(seat agent.SeatID, phone agent.Phone, contact string) error {
	switch {
	case phone == agent.PhoneBrowser && contact != "":
		return &agent.FieldError{Field: "contact", Mend: "belongs to a sip phone only"}
	case phone == agent.PhoneBrowser:
		return nil
	case !h.SIPSeats:
		return &agent.FieldError{Field: "phone", Mend: "this server takes browsers only"}
	}
	place, ours := strings.CutPrefix(contact, "sip:"+string(seat)+"@")
	addr, err := netip.ParseAddrPort(place)
	if !ours || err != nil || addr.Port() == 0 || addr.String() != place {
		return &agent.FieldError{Field: "contact", Mend: "want sip:" + string(seat) + "@address:port, with the seat's own name"}
	}
	if !slices.ContainsFunc(h.SIPNetworks, func(n netip.Prefix) bool { return n.Contains(addr.Addr()) }) {
		return &agent.FieldError{Field: "contact", Mend: "no telephone of a seat has that address (--sip-network)"}
	}
	return nil
}

type deviceRequest struct {
	SeatPath

	Body struct {
		Client string `json:"client" minLength:"1" maxLength:"64" example:"page-1"`
		Device string `json:"device" enum:"ok,media_failed" example:"ok"`
	}
}

func (h *handler) device(ctx context.Context, in *deviceRequest) (*struct{}, error) {
	if err := h.Service.Device(ctx, door.Who(ctx), agent.SeatID(in.Seat), in.Body.Client, agent.Device(in.Body.Device)); err != nil {
		return nil, h.problem(ctx, err)
	}
	return &struct{}{}, nil
}

type intentRequest struct {
	SeatPath

	Body struct {
		Intent      string `json:"intent" enum:"ready,rest,busy" example:"ready"`
		RestCode    string `json:"rest_code,omitempty" maxLength:"32" example:"break" doc:"What a rest is for"`
		RestMinutes int    `json:"rest_minutes,omitempty" minimum:"0" maximum:"480" example:"10" doc:"Planned length; 0: open-ended"`
		Version     int64  `json:"version" example:"3" doc:"Of the seat as seen"`
		Reason      string `json:"reason,omitempty" maxLength:"200" example:"现场处理" doc:"Of a supervisor, for somebody else's seat"`
	}
}

func (h *handler) intent(ctx context.Context, in *intentRequest) (*body[Seat], error) {
	seat := agent.SeatID(in.Seat)
	_, err := h.Service.SetIntent(ctx, door.Who(ctx), seat, agent.Wish{
		Intent: agent.Intent(in.Body.Intent), RestCode: in.Body.RestCode, Minutes: in.Body.RestMinutes,
		Version: in.Body.Version, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}

type cancelRequest struct {
	SeatPath

	Body struct {
		Version int64 `json:"version" example:"3" doc:"Of the seat as seen"`
	}
}

func (h *handler) cancelPending(ctx context.Context, in *cancelRequest) (*body[Seat], error) {
	seat := agent.SeatID(in.Seat)
	if _, err := h.Service.CancelPending(ctx, door.Who(ctx), seat, in.Body.Version); err != nil {
		return nil, h.problem(ctx, err)
	}
	return h.seatNow(ctx, seat)
}
